"""What the seeded rows say of a contract in November 2026."""

from datetime import date

from instruments.domain.price_protection import protection_in_force
from instruments.protections import seeded_steps

DAY = date(2026, 11, 23)
SHARES, FUTURES, OPTIONS = (
    protection_in_force(seeded_steps(), segment, DAY) for segment in ("NSE", "NFO-FUT", "NFO-OPT")
)
