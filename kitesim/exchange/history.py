"""Past candles of the synthetic market, drawn from the same seed as its ticks."""

from collections import OrderedDict
from collections.abc import Callable
from datetime import date, timedelta

from kitesim.exchange.candles import INTERVALS, Bars, auction_of, day_bar, join_bars, merge_bars, minute_bars
from kitesim.exchange.derivatives import futures_tape, options_tape
from kitesim.exchange.fair_values import FairValues
from kitesim.exchange.listing import NFO
from kitesim.exchange.market import SyntheticMarket
from kitesim.exchange.past import PastDay, past_cash, past_futures, past_options
from kitesim.exchange.tape import Tape, cash_tape, index_tape
from kitesim.exchange.trading_days import day_of, hours_of, is_trading_day, midnight_of, next_trading_day

_FOREVER = 2**62
_DRAWN: dict[str, Callable[[FairValues, date], PastDay]] = {
    "cash": past_cash,
    "futures": past_futures,
    "options": past_options,
}
_CASH_DAYS_KEPT, _DERIVATIVE_DAYS_KEPT, _PLAYED_DAYS_KEPT = 400, 8, 4
BarsOf = Callable[[int], tuple[Bars, Bars] | None]


class Kept:
    """The few newest results of a costly drawing, by day and kind."""

    def __init__(self, draw: Callable[[date, str], BarsOf], most: int) -> None:
        self._draw, self._most = draw, most
        self._kept: OrderedDict[tuple[date, str], BarsOf] = OrderedDict()

    def get(self, day: date, kind: str) -> BarsOf:
        key = (day, kind)
        if key not in self._kept:
            self._kept[key] = self._draw(day, kind)
            if len(self._kept) > self._most:
                self._kept.popitem(last=False)
        self._kept.move_to_end(key)
        return self._kept[key]


class History:
    """Candles of any listed instrument for ``days_back`` trading days before the market's first day, up to now."""

    def __init__(self, world: FairValues, market: SyntheticMarket, days_back: int) -> None:
        self._world, self._market = world, market
        self._first = world.anchor
        for _ in range(days_back):
            self._first = next_trading_day(self._first, -1)
        self._cash = Kept(self._draw, _CASH_DAYS_KEPT)
        self._derivatives = Kept(self._draw, _DERIVATIVE_DAYS_KEPT)
        self._played = Kept(self._replay, _PLAYED_DAYS_KEPT)

    def candles(self, token: int, interval: str, first: float, last: float, now: float) -> Bars:
        """Bars that begin between ``first`` and ``last`` (epoch seconds), today's as far as formed by ``now``."""
        days = self._days(max(day_of(first), self._first), min(day_of(last), self._market.day))
        parts = [self._of_day(token, day, interval, int(now)) for day in days]
        return join_bars([part for part in parts if part is not None]).between(first, last)

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
        return merge_bars(minutes, INTERVALS[interval], midnight_of(day) + hours_of(day).opens)

    def _today(self, token: int, now: int) -> tuple[Bars, Bars] | None:
        found = self._market.tape_of(token)
        return _bars_of(*found, now) if found else None

    def _past(self, token: int, day: date) -> tuple[Bars, Bars] | None:
        """Days that were played come from their ticks, days before the first from bars drawn directly."""
        for kind in ("futures", "options") if token & 0xFF == NFO else ("cash",):
            pair = self._keeper(day, kind).get(day, kind)(token)
            if pair is not None:
                return pair
        return None

    def _keeper(self, day: date, kind: str) -> Kept:
        if day >= self._world.anchor:
            return self._played
        return self._cash if kind == "cash" else self._derivatives

    def _draw(self, day: date, kind: str) -> BarsOf:
        return _DRAWN[kind](self._world, day).bars

    def _replay(self, day: date, kind: str) -> BarsOf:
        tapes = self._tapes(day, kind)
        found = {row.token: (tape, column) for tape in tapes for column, row in enumerate(tape.instruments)}
        return lambda token: _bars_of(*found[token], _FOREVER) if token in found else None

    def _tapes(self, day: date, kind: str) -> list[Tape]:
        path = self._world.path(day)
        if kind == "futures":
            return [futures_tape(self._world, day, path)]
        if kind == "options":
            return [options_tape(self._world, day, path)]
        cash = cash_tape(self._world, day, path)
        return [cash, index_tape(self._world, day, cash)]


def _bars_of(tape: Tape, column: int, until: int) -> tuple[Bars, Bars]:
    minutes = minute_bars(tape, column, until)
    return minutes, day_bar(minutes, midnight_of(day_of(tape.opens)), auction_of(tape, column, until))
