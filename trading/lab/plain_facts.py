"""The market's dated facts as plain values: for tests of strategies, and wherever there is no database. Pure."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import date, datetime, time, timedelta
from decimal import Decimal

from alphapanda.core.timezone import IST
from instruments.domain.price_protection import UNTOLD, Protection
from instruments.domain.sessions import DaySchedule, Phase, PhaseKind
from market.domain.staleness import DEFAULT_LIMITS, AgeLimits
from trading.strategies.values import InstrumentSpec

SATURDAY = 5
LONGEST_BREAK = 30  # days


@dataclass
class PlainFacts:
    """Implements ``trading.lab.facts.MarketFacts``: open from Mondays to Fridays, but for holidays."""

    specs: Mapping[int, InstrumentSpec]
    opens: time = time(9, 15)
    closes: time = time(15, 30)
    holidays: frozenset[date] = frozenset()
    bands: Mapping[tuple[int, date], tuple[Decimal, Decimal]] = field(default_factory=dict)
    freezes: Mapping[int, int] = field(default_factory=dict)
    protections: Mapping[str, Protection] = field(default_factory=dict)  # by segment
    limits: AgeLimits = DEFAULT_LIMITS
    final_prices: Mapping[int, Decimal] = field(default_factory=dict)
    leave_days: Mapping[int, date] = field(default_factory=dict)

    def spec_of(self, token: int) -> InstrumentSpec:
        return self.specs[token]

    def schedule(self, token: int, day: date) -> DaySchedule:
        exchange = self.specs[token].exchange
        if day.weekday() >= SATURDAY or day in self.holidays:
            return DaySchedule(exchange, "equity", day, (), is_holiday=True, known=True)
        opens, closes = (datetime.combine(day, at, IST) for at in (self.opens, self.closes))
        return DaySchedule(exchange, "equity", day, (Phase(PhaseKind.CONTINUOUS, opens, closes),), known=True)

    def next_open(self, token: int, after: date) -> datetime | None:
        ahead = (self.schedule(token, after + timedelta(days=nth)).opens_at for nth in range(1, LONGEST_BREAK))
        return next((opens for opens in ahead if opens), None)

    def closed_since(self, token: int, now: datetime) -> datetime | None:
        today = now.astimezone(IST).date()
        behind = (self.schedule(token, today - timedelta(days=nth)) for nth in range(LONGEST_BREAK))
        if self.schedule(token, today).is_continuous(now):
            return None
        return next((one.closes_at for one in behind if one.closes_at and one.closes_at <= now), None)

    def band(self, token: int, day: date) -> tuple[Decimal, Decimal] | None:
        return self.bands.get((token, day))

    def freeze(self, token: int, day: date) -> int | None:
        return self.freezes.get(token)

    def protection(self, token: int, day: date) -> Protection:
        return self.protections.get(self.specs[token].segment, UNTOLD)

    def leave_by(self, token: int, day: date) -> date | None:
        return self.leave_days.get(token)

    def final_price(self, token: int) -> Decimal | None:
        return self.final_prices.get(token)

    def settled_at(self, token: int) -> datetime | None:
        expiry = self.specs[token].expiry
        return None if expiry is None else datetime.combine(expiry, self.closes, IST)

    def age_limits(self, token: int) -> AgeLimits:
        return self.limits
