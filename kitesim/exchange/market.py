"""The synthetic market: plays a day's tapes onto the board, second by second."""

from dataclasses import dataclass
from datetime import date

import numpy as np

from kitesim.exchange import board as b
from kitesim.exchange.board import Board, Rows
from kitesim.exchange.derivatives import day_tapes
from kitesim.exchange.fair_values import BEAT, FairValues
from kitesim.exchange.tape import CASH, Ints, Tape
from kitesim.exchange.trading_days import hours_of, midnight_of

_BUY_DEPTH, _SELL_DEPTH = 23, 21  # how much lies beyond the five levels shown


@dataclass
class Group:
    """A tape and where its instruments stand on the board."""

    tape: Tape
    offset: int

    def rows(self, columns: Ints) -> Rows:
        return columns + self.offset


class SyntheticMarket:
    """One day at a time; ``step`` must be called for each second in turn, ``seek`` for a jump."""

    def __init__(self, world: FairValues, day: date) -> None:
        self.world = world
        self.open_day(day, day_tapes(world, day))

    def open_day(self, day: date, tapes: list[Tape]) -> None:
        self.day, self.hours = day, hours_of(day)
        self.board = Board([item for tape in tapes for item in tape.instruments])
        self._midnight = midnight_of(day)
        self.groups: list[Group] = []
        for tape in tapes:
            self.groups.append(Group(tape, sum(len(group.tape.instruments) for group in self.groups)))
            self._lay_out(self.groups[-1])

    def redraw(self, tapes: list[Tape]) -> None:
        """Go on with other tapes of the same day; they agree with the old ones up to now."""
        for group, tape in zip(self.groups, tapes, strict=True):
            group.tape = tape

    def _lay_out(self, group: Group) -> None:
        """The board before the open: yesterday's close, nothing traded."""
        tape, words = group.tape, self.board.words
        rows = group.rows(np.arange(len(tape.instruments)))
        words[rows, b.LAST] = words[rows, b.CLOSE] = tape.previous_close
        if tape.instruments[0].is_derivative:
            words[rows, b.OI] = words[rows, b.OI_HIGH] = words[rows, b.OI_LOW] = tape.open_interest
        self.board.lower_band[rows], self.board.upper_band[rows] = tape.lower_band, tape.upper_band

    def tape_of(self, token: int) -> tuple[Tape, int] | None:
        """An instrument's tape and its column there."""
        row = self.board.row_of.get(token)
        if row is None:
            return None
        group = next(group for group in reversed(self.groups) if group.offset <= row)
        return group.tape, row - group.offset

    def step(self, second: int) -> Rows:
        """Play one epoch second; the board rows that changed."""
        if second < self._midnight + self.hours.opens:
            return self._pre_open(second)
        changed = [self._play(group, second) for group in self.groups]
        return np.concatenate(changed)

    def seek(self, second: int) -> None:
        """Put the board where it stands after ``second``, whatever was played before."""
        for group in self.groups:
            self._lay_out(group)
            for back in (1, 0):
                self._seek_phase(group, second - back)
            self._print_auction(group, second)

    def _pre_open(self, second: int) -> Rows:
        """Orders gather before the open: the shares' books move, nothing trades."""
        group = self.groups[CASH]
        columns = np.arange(second % 5, len(group.tape.instruments), 5)
        if second < self._midnight + self.hours.pre_open:
            return np.empty(0, np.intp)
        rows = group.rows(columns)
        tick = np.array([group.tape.instruments[column].tick for column in columns], np.int64)
        close = group.tape.previous_close[columns]
        self._write_depth(second, group, columns, close - tick, close + tick)
        self.board.words[rows, b.EXCHANGE_TIME] = second
        return rows

    def _play(self, group: Group, second: int) -> Rows:
        tape = group.tape
        beat, phase = divmod(second - tape.opens, BEAT)
        if beat >= len(tape.last):
            return self._print_auction(group, second, exactly=True)
        columns = np.flatnonzero((tape.phase == phase) & tape.changed[beat])
        self._write(group, beat, columns, second)
        return group.rows(columns)

    def _write(self, group: Group, beat: int, columns: Ints, second: int) -> None:
        tape, words, rows = group.tape, self.board.words, group.rows(columns)
        last = tape.last[beat, columns].astype(np.uint32)
        volume = tape.volume[beat, columns]
        traded = tape.traded[beat, columns]
        opened = words[rows, b.OPEN] > 0
        words[rows, b.LAST_QUANTITY] = np.where(traded, volume - words[rows, b.VOLUME], words[rows, b.LAST_QUANTITY])
        words[rows, b.LAST], words[rows, b.VOLUME] = last, volume
        words[rows, b.AVERAGE] = tape.turnover[beat, columns] / np.maximum(volume, 1)
        words[rows, b.OPEN] = np.where(opened, words[rows, b.OPEN], last)
        words[rows, b.HIGH] = np.maximum(words[rows, b.HIGH], last)
        words[rows, b.LOW] = np.where(opened, np.minimum(words[rows, b.LOW], last), last)
        words[rows, b.LAST_TRADE_TIME] = np.where(traded, second, words[rows, b.LAST_TRADE_TIME])
        words[rows, b.EXCHANGE_TIME] = second
        self._write_interest(group, columns, volume)
        if tape.bid[0].any():
            self._write_depth(second, group, columns, tape.bid[beat, columns], tape.ask[beat, columns])

    def _write_interest(self, group: Group, columns: Ints, volume: Ints) -> None:
        rows, tape, words = group.rows(columns), group.tape, self.board.words
        if not tape.instruments[0].is_derivative:
            return
        opening = tape.open_interest[columns]
        drift = (tape.instruments[0].token + columns) % 7 - 3
        lot = np.array([tape.instruments[column].lot for column in columns], np.int64)
        interest = np.maximum(opening + volume * drift // 20 // lot * lot, lot)
        words[rows, b.OI] = interest
        words[rows, b.OI_HIGH] = np.maximum(words[rows, b.OI_HIGH], interest)
        words[rows, b.OI_LOW] = np.minimum(words[rows, b.OI_LOW], interest)

    def _write_depth(self, second: int, group: Group, columns: Ints, bid: Ints, ask: Ints) -> None:
        """Five levels a side, drawn anew from the seed and the second."""
        rows, words = group.rows(columns)[:, None], self.board.words
        tape, levels = group.tape, np.arange(b.LEVELS)
        key = [self.world.seed & (2**63 - 1), second * 8 + self.groups.index(group)]
        draws = np.random.Generator(np.random.Philox(key=key)).standard_exponential((len(tape.instruments), 10))
        tick = np.array([tape.instruments[column].tick for column in columns], np.int64)[:, None]
        lot = np.array([tape.instruments[column].lot for column in columns], np.int64)[:, None]
        size = (1 + (draws[columns] * tape.typical_size[columns, None] / lot).astype(np.int64)) * lot
        buys, sells = size[:, :5] * (1 + levels // 2), size[:, 5:] * (1 + levels // 2)
        prices = np.maximum(bid[:, None].astype(np.int64) - levels * tick, 0)
        words[rows, b.BID_PRICE], words[rows, b.BID_QUANTITY] = prices, np.where(prices > 0, buys, 0)
        words[rows, b.ASK_PRICE], words[rows, b.ASK_QUANTITY] = ask[:, None] + levels * tick, sells
        words[rows, b.BID_ORDERS] = (1 + buys // (lot * 40)).clip(max=500) << 16
        words[rows, b.ASK_ORDERS] = (1 + sells // (lot * 40)).clip(max=500) << 16
        words[rows[:, 0], b.BUY_QUANTITY] = buys.sum(axis=1) * _BUY_DEPTH
        words[rows[:, 0], b.SELL_QUANTITY] = sells.sum(axis=1) * _SELL_DEPTH

    def _seek_phase(self, group: Group, second: int) -> None:
        """The last beat of the instruments whose turn was at ``second``, and the day's range up to it."""
        tape, words = group.tape, self.board.words
        beat, phase = divmod(second - tape.opens, BEAT)
        if beat >= len(tape.last):
            beat = len(tape.last) - 1
        columns = np.flatnonzero(tape.phase == phase)
        if beat < 0 or not len(columns):
            return
        rows, seen = group.rows(columns), tape.last[: beat + 1, columns]
        self._write(group, beat, columns, tape.opens + beat * BEAT + phase)
        words[rows, b.OPEN], words[rows, b.HIGH], words[rows, b.LOW] = seen[0], seen.max(0), seen.min(0)
        words[rows, b.LAST_QUANTITY] = np.diff(tape.volume[max(beat - 1, 0) : beat + 1, columns], axis=0).sum(0)
        beats = np.where(tape.traded[: beat + 1, columns], np.arange(beat + 1)[:, None], 0).max(0)
        words[rows, b.LAST_TRADE_TIME] = tape.opens + beats * BEAT + phase

    def _print_auction(self, group: Group, second: int, exactly: bool = False) -> Rows:
        auction = group.tape.auction
        if auction is None or second < auction[0] or (exactly and second != auction[0]):
            return np.empty(0, np.intp)
        rows, words = group.rows(np.arange(len(group.tape.instruments))), self.board.words
        at, prices, volumes = auction
        words[rows, b.LAST], words[rows, b.LAST_QUANTITY] = prices, volumes
        words[rows, b.VOLUME] += volumes.astype(np.uint32)
        words[rows, b.HIGH] = np.maximum(words[rows, b.HIGH], prices)
        words[rows, b.LOW] = np.minimum(words[rows, b.LOW], prices)
        words[rows, b.LAST_TRADE_TIME] = words[rows, b.EXCHANGE_TIME] = at
        return rows
