"""Past candles of the synthetic market, drawn from the same seed as its ticks."""

from collections import OrderedDict
from datetime import date, timedelta

from kitesim.candles import INTERVALS, Bars, day_bar, join, merge, minute_bars
from kitesim.market import SyntheticMarket
from kitesim.tape import Tape, cash_tape, futures_tape, index_tape, options_tape
from kitesim.trading_days import day_of, hours_of, is_trading_day, midnight, next_trading_day
from kitesim.world import World

_FOREVER = 2**62


class History:
    """Candles of any listed instrument for ``days_back`` trading days before the market's first day, up to now."""

    def __init__(self, world: World, market: SyntheticMarket, days_back: int) -> None:
        self._world, self._market = world, market
        self._first = world.anchor
        for _ in range(days_back):
            self._first = next_trading_day(self._first, -1)
        self._bars: dict[date, dict[int, tuple[Bars, Bars]]] = {}
        self._derivatives: OrderedDict[tuple[date, str], Tape] = OrderedDict()

    def candles(self, token: int, interval: str, first: float, last: float, now: float) -> Bars:
        """Bars that begin between ``first`` and ``last`` (epoch seconds), today's as far as formed by ``now``."""
        days = self._days(max(day_of(first), self._first), min(day_of(last), self._market.day))
        parts = [self._of_day(token, day, interval, int(now)) for day in days]
        return join([part for part in parts if part is not None]).between(first, last)

    def _days(self, first: date, last: date) -> list[date]:
        days = (first + timedelta(days=n) for n in range((last - first).days + 1))
        return [day for day in days if is_trading_day(day)]

    def _of_day(self, token: int, day: date, interval: str, now: int) -> Bars | None:
        pair = self._today(token, now) if day == self._market.day else self._past(token, day)
        if pair is None:
            return None
        minutes, whole = pair
        if interval == "day":
            return whole
        return merge(minutes, INTERVALS[interval], midnight(day) + hours_of(day).opens)

    def _today(self, token: int, now: int) -> tuple[Bars, Bars] | None:
        found = self._market.tape_of(token)
        return _bars_of(*found, now) if found else None

    def _past(self, token: int, day: date) -> tuple[Bars, Bars] | None:
        segment = token & 0xFF
        if segment != 2:
            return self._cash_bars(day).get(token)
        for kind in ("futures", "options"):
            tape = self._derivative_tape(day, kind)
            column = next((n for n, row in enumerate(tape.instruments) if row.token == token), None)
            if column is not None:
                return _bars_of(tape, column, _FOREVER)
        return None

    def _cash_bars(self, day: date) -> dict[int, tuple[Bars, Bars]]:
        if day not in self._bars:
            cash = cash_tape(self._world, day, self._world.path(day))
            tapes = (cash, index_tape(self._world, day, cash))
            self._bars[day] = {
                row.token: _bars_of(tape, column, _FOREVER)
                for tape in tapes
                for column, row in enumerate(tape.instruments)
            }
        return self._bars[day]

    def _derivative_tape(self, day: date, kind: str) -> Tape:
        """Large, so only the few asked for last are kept."""
        key = (day, kind)
        if key not in self._derivatives:
            draw = futures_tape if kind == "futures" else options_tape
            self._derivatives[key] = draw(self._world, day, self._world.path(day))
            if len(self._derivatives) > 4:
                self._derivatives.popitem(last=False)
        self._derivatives.move_to_end(key)
        return self._derivatives[key]


def _bars_of(tape: Tape, column: int, until: int) -> tuple[Bars, Bars]:
    minutes = minute_bars(tape, column, until)
    return minutes, day_bar(minutes, midnight(day_of(tape.opens)), tape, column, until)
