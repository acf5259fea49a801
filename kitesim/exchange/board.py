"""The latest state of every instrument, kept as Kite's wire image: one row of 46 words each."""

from collections.abc import Iterable

import numpy as np
from numpy.typing import NDArray

from kitesim.exchange.listing import Instrument

(
    TOKEN, LAST, LAST_QUANTITY, AVERAGE, VOLUME, BUY_QUANTITY, SELL_QUANTITY,
    OPEN, HIGH, LOW, CLOSE, LAST_TRADE_TIME, OI, OI_HIGH, OI_LOW, EXCHANGE_TIME,
) = range(16)  # fmt: skip
WORDS, LEVELS = 46, 5
_DEPTH = np.arange(16, WORDS).reshape(2, LEVELS, 3)
BID_QUANTITY, BID_PRICE, BID_ORDERS = _DEPTH[0].T
ASK_QUANTITY, ASK_PRICE, ASK_ORDERS = _DEPTH[1].T
LTP, QUOTE, FULL = 1, 2, 3
MODES = {"ltp": LTP, "quote": QUOTE, "full": FULL}
# The index packet: token, last, high, low, open, previous close, change, time.
_INDEX_WORDS = (TOKEN, LAST, HIGH, LOW, OPEN, CLOSE, CLOSE, EXCHANGE_TIME)

Rows = NDArray[np.intp]


class Board:
    """Wire words of all instruments; prices in paise, times in epoch seconds."""

    def __init__(self, instruments: Iterable[Instrument]) -> None:
        self.instruments = list(instruments)
        count = len(self.instruments)
        self.row_of = {item.token: row for row, item in enumerate(self.instruments)}
        self.row_of_key = {item.key: row for row, item in enumerate(self.instruments)}
        self.words = np.zeros((count, WORDS), np.uint32)
        self.words[:, TOKEN] = [item.token for item in self.instruments]
        self.is_index = np.array([item.is_index for item in self.instruments], bool)
        self.lower_band = np.zeros(count, np.int64)
        self.upper_band = np.zeros(count, np.int64)

    def depth(self, row: int) -> tuple[list[tuple[int, int, int]], list[tuple[int, int, int]]]:
        """Bids and asks as (price, quantity, orders), best first, empty levels left out."""
        words = self.words[row]
        return _levels(words[BID_PRICE], words[BID_QUANTITY], words[BID_ORDERS]), _levels(
            words[ASK_PRICE], words[ASK_QUANTITY], words[ASK_ORDERS]
        )

    def frame(self, rows: Rows, modes: NDArray[np.uint8]) -> bytes:
        """One binary frame; ``modes`` gives each board row's mode (0: left out)."""
        wanted = modes[rows]
        packets = [self._packets(rows[wanted == mode], mode) for mode in (LTP, QUOTE, FULL)]
        count = int(np.count_nonzero(wanted))
        return count.to_bytes(2, "big") + b"".join(packets) if count else b""

    def _packets(self, rows: Rows, mode: int) -> bytes:
        if not len(rows):
            return b""
        if mode == LTP:
            return _pack(self.words[rows][:, [TOKEN, LAST]])
        index, other = rows[self.is_index[rows]], rows[~self.is_index[rows]]
        width = 8 if mode == FULL else 7
        return _pack(self._index_words(index)[:, :width]) + _pack(self.words[other][:, : WORDS if mode == FULL else 11])

    def _index_words(self, rows: Rows) -> NDArray[np.uint32]:
        words = self.words[rows][:, _INDEX_WORDS]
        words[:, 6] = self.words[rows, LAST] - self.words[rows, CLOSE]
        return words


def _levels(
    prices: NDArray[np.uint32], quantities: NDArray[np.uint32], orders: NDArray[np.uint32]
) -> list[tuple[int, int, int]]:
    levels = zip(prices.tolist(), quantities.tolist(), (orders >> 16).tolist(), strict=True)
    return [level for level in levels if level[0] and level[1]]


def _pack(words: NDArray[np.uint32]) -> bytes:
    """Big-endian packets, each led by its length in bytes."""
    count, width = words.shape
    packets = np.empty((count, 2 + width * 4), np.uint8)
    packets[:, 0], packets[:, 1] = divmod(width * 4, 256)
    packets[:, 2:] = np.ascontiguousarray(words.astype(">u4")).view(np.uint8).reshape(count, width * 4)
    return packets.tobytes()
