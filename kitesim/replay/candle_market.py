"""A replayed day: ticks synthesised inside each minute so that its candle comes out exactly."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date, timedelta
from zlib import crc32

import numpy as np

from kitesim.exchange import board as b
from kitesim.exchange.board import Board, Rows
from kitesim.exchange.candles import INTERVALS, Bars, CandleFile, bars_of_ticks, day_bar, join_bars, merge_bars
from kitesim.exchange.listing import INDEX_TOKENS, INDICES, KNOWN_TOKENS, NSE, Instrument, cash_tick
from kitesim.exchange.tape import Ints
from kitesim.exchange.trading_days import day_of, hours_of, midnight_of

SECONDS = (0, 11, 23, 35, 47, 59)  # of each minute: the only ones in which a tick falls
_TICKS_BY_PRICE_SINCE = date(2025, 4, 15)
_BAND = 20  # percent around the previous close
# A weekend with holidays on both its sides is the longest that NSE has been closed.
_OLDEST_CLOSE = timedelta(days=6)


@dataclass(frozen=True)
class Ticks:
    """Ticks of one instrument in time order; ``volume`` and ``turnover`` run up from the day's start."""

    at: Ints
    price: Ints
    volume: Ints
    turnover: Ints


def synthesise_ticks(bars: Bars, tick: int) -> Ticks:
    """Open, then the low and the high (high first if the minute fell), then the close: at most six ticks a minute."""
    rises = bars.close >= bars.open
    first, second = np.where(rises, bars.low, bars.high), np.where(rises, bars.high, bars.low)
    third = np.sign(second - first) * (np.abs(second - first) // 3 // tick * tick)
    points = np.stack([bars.open, first, first + third, first + 2 * third, second, bars.close], axis=1)
    moves = np.diff(points, axis=1, prepend=-1) != 0
    moves[:, -1] |= bars.volume > 1
    count = moves.sum(axis=1)
    ordinal = np.cumsum(moves, axis=1)
    each, rest = bars.volume // count, bars.volume % count
    size = np.where(ordinal == count[:, None], (each + rest)[:, None], each[:, None])[moves]
    at = (bars.start[:, None] + np.array(SECONDS))[moves]
    price = points[moves]
    return Ticks(at, price, np.cumsum(size), np.cumsum(size * price))


def token_for(symbol: str, tokens: dict[str, int]) -> int:
    """A given token, the real one if we know it, or one made from the name."""
    known = {**KNOWN_TOKENS, **INDEX_TOKENS, **tokens}
    return known.get(symbol, (100_000 + crc32(symbol.encode()) % 60_000) * 256 + NSE)


def _listed(symbol: str, token: int, price: int, day: date) -> Instrument:
    if token & 0xFF == INDICES:
        return Instrument(token, symbol, symbol, "NSE", "INDICES", "EQ", 0)
    tick = cash_tick(price / 100) if day >= _TICKS_BY_PRICE_SINCE else 5 if price >= 25_000 else 1
    return Instrument(token, symbol, symbol, "NSE", "NSE", "EQ", tick)


class CandleMarket:
    """One day of candle files as a market; ``seconds`` are all the moments at which something ticks."""

    def __init__(
        self,
        files: Sequence[CandleFile],
        day: date,
        tokens: dict[str, int],
        seed: int,
        given_closes: Mapping[str, int] | None = None,
    ) -> None:
        """``given_closes`` are previous closes in paise, by symbol."""
        self.day, self.hours, self._seed = day, hours_of(day), seed
        files = [file for file in files if len(file.of_day(day).start)]
        if not files:
            raise ValueError(f"no candles of {day} in the files given")
        given = given_closes or {}
        closes = [given.get(file.symbol) or _previous_close(file, day) for file in files]
        self.board = Board(
            _listed(file.symbol, token_for(file.symbol, tokens), close, day)
            for file, close in zip(files, closes, strict=True)
        )
        if len(self.board.row_of) < len(files):
            raise ValueError("two symbols share one token; give one of them another with --token")
        self.ticks = [
            synthesise_ticks(file.of_day(day), max(item.tick, 1))
            for file, item in zip(files, self.board.instruments, strict=True)
        ]
        self.files = {item.token: file for file, item in zip(files, self.board.instruments, strict=True)}
        self._typical = [max(int(ticks.volume[-1]) // len(ticks.at) // 4, 1) for ticks in self.ticks]
        self._lay_out(np.array(closes))
        self._index_by_second()

    def _lay_out(self, closes: Ints) -> None:
        words = self.board.words
        words[:, b.LAST] = words[:, b.CLOSE] = closes
        self.board.lower_band[:] = closes * (100 - _BAND) // 100
        self.board.upper_band[:] = closes * (100 + _BAND) // 100

    def _index_by_second(self) -> None:
        self._due: dict[int, list[tuple[int, int]]] = {}
        for row, ticks in enumerate(self.ticks):
            for n, second in enumerate(ticks.at.tolist()):
                self._due.setdefault(second, []).append((row, n))
        self.seconds = sorted(self._due)

    def step(self, second: int) -> Rows:
        due = self._due.get(second, [])
        for row, n in due:
            self._write(row, n, second)
        return np.array([row for row, _ in due], np.intp)

    def seek(self, second: int) -> None:
        """Play everything up to ``second``."""
        for moment in self.seconds:
            if moment > second:
                return
            self.step(moment)

    def _write(self, row: int, n: int, second: int) -> None:
        ticks, words = self.ticks[row], self.board.words[row]
        price, volume = int(ticks.price[n]), int(ticks.volume[n])
        words[b.LAST_QUANTITY] = volume - int(ticks.volume[n - 1]) if n else volume
        words[b.LAST], words[b.VOLUME] = price, volume
        words[b.AVERAGE] = int(ticks.turnover[n]) // max(volume, 1)
        words[b.OPEN] = words[b.OPEN] or price
        words[b.HIGH] = max(int(words[b.HIGH]), price)
        words[b.LOW] = min(int(words[b.LOW]) or price, price)
        words[b.LAST_TRADE_TIME] = words[b.EXCHANGE_TIME] = second
        if not self.board.is_index[row]:
            self._write_depth(row, n, price)

    def _write_depth(self, row: int, n: int, price: int) -> None:
        """Five levels a side around the price, which is at the bid or at the ask."""
        item, words = self.board.instruments[row], self.board.words[row]
        tick = max(item.tick, 1)
        key = [self._seed & (2**63 - 1), item.token * 4096 + n]
        draws = np.random.Generator(np.random.Philox(key=key)).standard_exponential(11)
        bid = price // tick * tick - (tick if price % tick == 0 and draws[10] < 0.7 else 0)
        size = 1 + (draws[:10] * self._typical[row]).astype(np.int64)
        levels = np.arange(b.LEVELS) * tick
        words[b.BID_PRICE], words[b.ASK_PRICE] = bid - levels, bid + tick + levels
        words[b.BID_QUANTITY], words[b.ASK_QUANTITY] = size[:5], size[5:]
        words[b.BID_ORDERS], words[b.ASK_ORDERS] = (1 + size[:5] // 50 << 16), (1 + size[5:] // 50 << 16)
        words[b.BUY_QUANTITY], words[b.SELL_QUANTITY] = size[:5].sum() * 20, size[5:].sum() * 20


def _previous_close(file: CandleFile, day: date) -> int:
    """The last candle of the few days before; without one, the day's own open: an older price is not yesterday's."""
    before = file.bars.between(midnight_of(day - _OLDEST_CLOSE), midnight_of(day) - 1)
    return int(before.close[-1]) if len(before.start) else int(file.of_day(day).open[0])


class CandleHistory:
    """The files' own candles for earlier days, and today's as far as its ticks have gone."""

    def __init__(self, market: CandleMarket) -> None:
        self._market = market

    def candles(self, token: int, interval: str, first: float, last: float, now: float) -> Bars:
        file = self._market.files[token]
        start = midnight_of(day_of(first))
        past = file.bars.between(start, min(last, midnight_of(self._market.day) - 1))
        days = [past.pick(past.start // 86_400 == n) for n in np.unique(past.start // 86_400)]
        if last >= midnight_of(self._market.day):
            days.append(self._today(token, now))
        return join_bars([self._longer(bars, interval) for bars in days if len(bars.start)]).between(first, last)

    def _today(self, token: int, now: float) -> Bars:
        ticks = self._market.ticks[self._market.board.row_of[token]]
        done = ticks.at <= now
        return bars_of_ticks(ticks.at[done], ticks.price[done], ticks.volume[done])

    @staticmethod
    def _longer(bars: Bars, interval: str) -> Bars:
        day = day_of(int(bars.start[0]))
        if interval == "day":
            return day_bar(bars, midnight_of(day))
        return merge_bars(bars, INTERVALS[interval], midnight_of(day) + hours_of(day).opens)
