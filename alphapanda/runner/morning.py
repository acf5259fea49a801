"""The half hour before the market opens: what would keep the day from beginning well, while it can still be mended."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import datetime, timedelta

from alphapanda.alerts.rules import Wrong
from alphapanda.core.timezone import day_of
from alphapanda.dashboard.panels.context import EXCHANGE, MAIN_CLASS
from alphapanda.flight import Finding, Level, run_checks
from instruments.models import TradingSession

BEFORE_OPEN = timedelta(minutes=30)
# A check asks every server and reads the books; between two, the last answer stands.
LOOK_EVERY = timedelta(seconds=60)


class Morning:
    """The flight check's quick part, from half an hour before continuous trading until it begins."""

    def __init__(self) -> None:
        self.looked_at: datetime | None = None
        self.red: list[Finding] = []

    def wrong(self, market_now: datetime, now: datetime) -> Iterator[Wrong]:
        """Yield what is red; ``market_now`` decides whether it is morning, ``now`` how old the last answer is."""
        opens_at = TradingSession.objects.schedule(EXCHANGE, MAIN_CLASS, day_of(market_now)).opens_at
        if opens_at is None or not opens_at - BEFORE_OPEN <= market_now < opens_at:
            self.looked_at, self.red = None, []
            return
        if self.looked_at is None or now - self.looked_at >= LOOK_EVERY:
            self.red = [finding for finding in run_checks(quick=True) if finding.level == Level.RED]
            self.looked_at = now
        if self.red:
            names = ", ".join(finding.name for finding in self.red)
            detail = "\n".join(f"{finding.name}: {finding.words}" for finding in self.red)
            yield Wrong("flight_check", f"Not fit to trade: {names}.", detail, is_urgent=True)
