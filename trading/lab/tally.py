"""What comes of a play, counted up at the end of each day, so that what happened need not be kept. Pure."""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Collection, Mapping
from dataclasses import dataclass, field
from datetime import date, datetime
from decimal import Decimal

from trading.lab.engine import Engine, Fault
from trading.lab.expiring import unsettled
from trading.lab.result import DayEnd
from trading.lab.round_trips import RoundTrip, RoundTrips


@dataclass
class Played:
    """What one play came to. ``refusals`` of the gate and entries ``not_asked`` are by code."""

    days: list[DayEnd]
    trips: list[RoundTrip]
    refusals: dict[str, int]
    not_asked: dict[str, tuple[int, str]]
    faults: list[Fault]
    wanted_days: Collection[date]
    undecided: int = 0
    blind: Mapping[tuple[str, date], int] = field(default_factory=dict)
    unsettled: Mapping[str, date] = field(default_factory=dict)  # held though it expired, by key


class Tally:
    """Takes from an account, at the end of each day, what came of it; the account forgets it."""

    def __init__(self, engine: Engine) -> None:
        self.engine, self.days = engine, list[DayEnd]()
        self._trips, self._refusals = RoundTrips(), Counter[str]()

    def note_end(self, day: date) -> None:
        self.engine.end_day()
        account = self.engine.account
        for fill in account.fills:
            self._trips.add_fill(fill)
        for trade in account.expiries:
            self._trips.add_expiry(trade)
        for decision in account.decisions:
            self._refusals.update(decision.refusal_codes)
        unknown = any(trade.charges is None for trade in account.holdings.trades)
        self.days.append(DayEnd(day, self._equity(), self._costs(), unknown, self._session(day)))
        account.forget_past()

    def has_ended(self, day: date) -> bool:
        """Whether the day's end was noted: a play that was kept right after it comes to it again."""
        return bool(self.days) and self.days[-1].day >= day

    def _costs(self) -> dict[str, Decimal]:
        costs = defaultdict[str, Decimal](Decimal)
        for cost in self.engine.account.holdings.costs:
            costs[str(cost.kind)] += cost.amount
        return dict(costs)

    def _equity(self) -> Decimal | None:
        equity = self.engine.account.holdings.cash
        for one in self.engine.account.holdings.held:
            seen = self.engine.board.get(one.instrument_id)
            if seen is None:
                return None
            equity += one.quantity * seen.last
        return equity

    def _session(self, day: date) -> tuple[datetime, datetime] | None:
        for token in self.engine.instruments:
            schedule = self.engine.facts.schedule(token, day)
            if schedule.opens_at and schedule.closes_at:
                return schedule.opens_at, schedule.closes_at
        return None

    def played(self, wanted_days: Collection[date]) -> Played:
        return Played(
            days=self.days,
            trips=self._trips.in_order(),
            refusals=dict(self._refusals),
            not_asked={code: one for run in self.engine.runs for code, one in run.host.refused_entries.items()},
            faults=self.engine.faults,
            wanted_days=wanted_days,
            unsettled=unsettled(self.engine.account, self.days[-1].day) if self.days else {},
        )
