"""What a run hears, and in which order: wire figures as money, an entry's candles and ticks, its inputs. Pure."""

from __future__ import annotations

from collections.abc import Callable, Container, Iterator, Sequence
from datetime import UTC, datetime
from decimal import Decimal
from typing import Any, NamedTuple

import numpy as np

from market.domain.candles import ClosedCandle
from market.domain.ticks import levels_of, to_price
from trading.run.decisions import Decision
from trading.run.host import RunHost
from trading.strategies.values import Candle, Fill, Tick


class Heard(NamedTuple):
    """One entry's news of all instruments; ``is_quiet``: no run has a tick in it, so all hear the time."""

    candles: Sequence[Candle]
    ticks: Sequence[Tick]
    is_quiet: bool


def offers(
    host: RunHost, instruments: Container[str], heard: Heard, now: datetime
) -> Iterator[Callable[[], list[Decision]]]:
    """Yield what a host is asked at one entry, in order: its candles (or just the time), then its ticks."""
    bars = [candle for candle in heard.candles if candle.instrument in instruments]
    own = [tick for tick in heard.ticks if tick.instrument in instruments]
    if bars or heard.is_quiet:
        yield lambda: host.on_candles(bars, now)
    if own:
        yield lambda: host.on_ticks(own, now)


def as_candle(closed: ClosedCandle, key: str) -> Candle:
    return Candle(
        instrument=key,
        interval=closed.interval,
        start=closed.start,
        open=to_price(closed.open, closed.token),
        high=to_price(closed.high, closed.token),
        low=to_price(closed.low, closed.token),
        close=to_price(closed.close, closed.token),
        volume=closed.volume,
        complete=closed.complete,
    )


def as_tick(row: np.void, key: str, now: datetime) -> Tick:
    """A row of a batch as a tick; one without a time of the exchange's is of ``now``."""
    token, stamp = int(row["token"]), int(row["exchange_timestamp"])
    bids, asks = levels_of(row, "bid", token), levels_of(row, "ask", token)
    return Tick(
        instrument=key,
        last_price=to_price(row["last_price"], token),
        bid=bids[0][0] if bids else None,
        ask=asks[0][0] if asks else None,
        volume=int(row["volume"]),
        at=datetime.fromtimestamp(stamp, UTC) if stamp else now,
    )


def fill_of(payload: dict[str, Any], number: int | None = None) -> Fill:
    return Fill(
        payload["instrument"],
        payload["signed_quantity"],
        Decimal(payload["price"]),
        datetime.fromisoformat(payload["at"]),
        number,
    )


def keep_protected(host: RunHost, payload: dict[str, Any]) -> None:
    """Give a position the stop its entry was decided with, where the run did not decide it itself.

    A run rebuilt after its code went or changed does not repeat its own decisions; its stops must stand all the same.
    """
    book = host.position_of(payload["instrument"])
    if book.quantity and book.stop is None and payload.get("stop"):
        book.stop = Decimal(payload["stop"])
        book.target = Decimal(payload["target"]) if payload.get("target") else None
        book.planned = 1 if book.quantity > 0 else -1
