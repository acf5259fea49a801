"""What a run lets its strategy see: the time, the day's sessions and what is held."""

from collections.abc import Mapping
from datetime import date, datetime

from alphapanda.core.timezone import IST
from trading.run.position import RunPosition
from trading.run.terms import RunTerms, SessionLookup
from trading.strategies.values import Held, Session


class RunContext:
    """Implements ``trading.strategies.values.Context``."""

    def __init__(
        self,
        terms: RunTerms,
        sessions: SessionLookup,
        traded: Mapping[str, RunPosition],
        now: datetime,
        *,
        keeps_waits: bool = True,
    ) -> None:
        self._terms = terms
        self._lookup = sessions
        self._positions = traded
        self._keeps_waits = keeps_waits
        self._sessions: dict[str, Session | None] = {}
        self._flat_at: dict[str, tuple[date, Session | None, datetime | None]] = {}
        self.now = now
        self.day: date = now.astimezone(IST).date()
        self.minute = int(now.timestamp()) // 60

    def move_to(self, now: datetime) -> bool:
        """Set the time; return whether a new day began."""
        day, minute = now.astimezone(IST).date(), int(now.timestamp()) // 60
        if minute != self.minute:
            # Hours are looked up again: an early close may have been announced.
            self._sessions.clear()
        is_new_day = day != self.day
        self.now, self.day, self.minute = now, day, minute
        return is_new_day

    @property
    def may_short(self) -> bool:
        return self._terms.may_short

    def held(self, instrument: str) -> Held | None:
        position = self._positions.get(instrument)
        return position.held() if position else None

    def in_flight(self, instrument: str) -> bool:
        position = self._positions.get(instrument)
        return position is not None and position.in_flight

    def session(self, instrument: str) -> Session | None:
        if instrument not in self._sessions:
            self._sessions[instrument] = self._lookup(instrument, self.day)
        return self._sessions[instrument]

    def flat_at(self, instrument: str) -> datetime | None:
        session = self.session(instrument)
        known = self._flat_at.get(instrument)
        if known is None or known[:2] != (self.day, session):
            known = self._flat_at[instrument] = self.day, session, self._terms.flat_at(self.day, session)
        return known[2]

    def records_wait(self, instrument: str, code: str) -> bool:
        position = self._positions.get(instrument)
        return self._keeps_waits and position is not None and position.keeps_wait(code, self.minute)
