"""The quote board: the latest packet of each instrument and the state of each feed, for whoever looks."""

from __future__ import annotations

import struct
from collections.abc import Iterable
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from typing import Any

import numpy as np
import orjson
import redis

from alphapanda.core.clock import market_now
from market.domain.entries import from_milliseconds, to_milliseconds
from market.domain.staleness import DEFAULT_LIMITS, LINK_LIMITS, AgeLimits, Liveness, instrument_state, worse_of
from market.domain.ticks import TICK_DTYPE, TickBatch, levels_of, to_price

QUOTES_KEY, FEEDS_KEY = "quotes", "feeds"
# A feed says every second how it is; one that has not for so long is gone.
FEED_TTL_MS = int(LINK_LIMITS.dead_after.total_seconds() * 1000)
LOCKSTEP_TTL_MS = 3_600_000

_TAIL = struct.Struct("<qq")
_ROW_BYTES = TICK_DTYPE.itemsize

Level = tuple[Decimal, int]


@dataclass(frozen=True, slots=True)
class Quote:
    """An instrument's latest packet, as money. ``bid`` and ``ask`` are None where there is no sound book.

    ``exchange_time`` is what its age is measured from; None where the packet carries none. ``market_time`` is only
    when it was received (or repeated) on the market's clock: Kite begins with a cached packet that may be days old.
    ``close`` is the previous day's close during a session.
    """

    token: int
    last_price: Decimal
    bid: Decimal | None
    ask: Decimal | None
    bids: tuple[Level, ...]
    asks: tuple[Level, ...]
    volume: int
    oi: int
    open: Decimal
    high: Decimal
    low: Decimal
    close: Decimal
    exchange_time: datetime | None
    received_at: datetime
    market_time: datetime
    feed: str
    state: Liveness = Liveness.DEAD

    def age(self, now: datetime) -> timedelta | None:
        return None if self.exchange_time is None else now - self.exchange_time


@dataclass(frozen=True, slots=True)
class FeedState:
    """What a feed last said of itself; ``silent_for`` is how long ago, by Valkey's clock."""

    feed: str
    state: Liveness
    reason: str = ""
    epoch: int = 0
    n: int = 0
    connected: bool = False
    market_time: datetime | None = None
    frame_age_ms: int | None = None
    subscribed: int = 0
    lockstep: bool = False  # a replay has no wall clock: its feed is as live as its last frame
    silent_for: timedelta | None = None


def quote_of(
    row: np.void,
    received_at: datetime,
    market_time: datetime,
    feed: str = "",
) -> Quote:
    """Return one row of a batch as money; how live it is, only the board can say."""
    token = int(row["token"])
    bids, asks = levels_of(row, "bid", token), levels_of(row, "ask", token)
    stamp = int(row["exchange_timestamp"])
    prices = {name: to_price(row[name], token) for name in ("last_price", "open", "high", "low", "close")}
    return Quote(
        token=token,
        bid=bids[0][0] if bids else None,
        ask=asks[0][0] if asks else None,
        bids=bids,
        asks=asks,
        volume=int(row["volume"]),
        oi=int(row["oi"]),
        exchange_time=datetime.fromtimestamp(stamp, UTC) if stamp else None,
        received_at=received_at,
        market_time=market_time,
        feed=feed,
        state=Liveness.DEAD,
        **prices,
    )


class QuoteBoard:
    """Reads and writes the board. Losing it costs nothing: the next packets fill it again."""

    def __init__(self, client: redis.Redis) -> None:
        self.redis = client

    def write(self, batch: TickBatch, market_time: datetime, feed: str = "") -> None:
        """Put up the rows of a batch; of several rows of one instrument, the last stands."""
        if len(batch):
            values: Any = pack_quotes(batch, market_time, feed)
            self.redis.hset(QUOTES_KEY, mapping=values)

    def read(
        self,
        tokens: Iterable[int],
        now: datetime | None = None,
        limits: dict[int, AgeLimits] | None = None,
    ) -> dict[int, Quote]:
        """Return the quotes of those tokens that have one, judged by their age at ``now`` (market time).

        ``limits`` gives a token's own age limits (``staleness.INSTRUMENT_LIMITS`` by class of instrument).
        """
        wanted = list(tokens)
        if not wanted:
            return {}
        found: Any = self.redis.hmget(QUOTES_KEY, [str(token) for token in wanted])
        feeds, moment = self.feed_states(), now or market_now()
        quotes = (_unpacked(packed, feeds, moment, limits or {}) for packed in found if packed)
        return {quote.token: quote for quote in quotes}

    def write_feed(self, state: FeedState) -> None:
        """Say how a feed is. It has to be said again within 6 s, or the feed counts as dead."""
        said = {
            "state": state.state, "reason": state.reason, "epoch": state.epoch, "n": state.n,
            "connected": state.connected, "frame_age_ms": state.frame_age_ms, "subscribed": state.subscribed,
            "lockstep": state.lockstep,
            "market_time": to_milliseconds(state.market_time) if state.market_time else None,
        }  # fmt: skip
        pipeline = self.redis.pipeline(transaction=False)
        pipeline.sadd(FEEDS_KEY, state.feed)
        pipeline.set(f"feed:{state.feed}", orjson.dumps(said), px=LOCKSTEP_TTL_MS if state.lockstep else FEED_TTL_MS)
        pipeline.execute()

    def feed_states(self) -> dict[str, FeedState]:
        """Return the state of every feed that ever wrote to this board."""
        members: Any = self.redis.smembers(FEEDS_KEY)
        names = sorted(name.decode() for name in members)
        pipeline = self.redis.pipeline(transaction=False)
        for name in names:
            pipeline.get(f"feed:{name}")
            pipeline.pttl(f"feed:{name}")
        answers: list[Any] = pipeline.execute()
        pairs = zip(names, answers[::2], answers[1::2], strict=True)
        return {name: _feed_state(name, said, left) for name, said, left in pairs}

    def feed_state(self, feed: str | None = None) -> FeedState:
        """Return the state of one feed, or the worst of all; no feed at all is dead."""
        states = self.feed_states()
        if feed is not None:
            return states.get(feed) or FeedState(feed, Liveness.DEAD, "this feed has never run")
        if not states:
            return FeedState("", Liveness.DEAD, "no feed has ever run")
        worst = Liveness.LIVE
        for state in states.values():
            worst = worse_of(worst, state.state)
        return next(state for state in states.values() if state.state == worst)


def pack_quotes(batch: TickBatch, market_time: datetime, feed: str) -> dict[str, bytes]:
    """Return the board's fields for the rows of a batch; of several rows of one instrument, the last."""
    rows = batch.rows
    tail = _TAIL.pack(batch.received_at, to_milliseconds(market_time)) + feed.encode()
    raw = rows.tobytes()
    starts = range(0, len(raw), _ROW_BYTES)
    return {
        str(token): raw[at : at + _ROW_BYTES] + tail for token, at in zip(rows["token"].tolist(), starts, strict=True)
    }


def _unpacked(packed: bytes, feeds: dict[str, FeedState], now: datetime, limits: dict[int, AgeLimits]) -> Quote:
    row = np.frombuffer(packed, TICK_DTYPE, count=1)[0]
    received_at, market_time = _TAIL.unpack_from(packed, _ROW_BYTES)
    feed = packed[_ROW_BYTES + _TAIL.size :].decode()
    feed_liveness = feeds[feed].state if feed in feeds else Liveness.DEAD
    quote = quote_of(row, from_milliseconds(received_at), from_milliseconds(market_time), feed)
    return replace(
        quote, state=instrument_state(feed_liveness, quote.age(now), limits.get(quote.token, DEFAULT_LIMITS))
    )


def _feed_state(name: str, said: bytes | None, left_ms: int) -> FeedState:
    if said is None:
        return FeedState(name, Liveness.DEAD, "the feed process has not been heard of for 6 seconds")
    told = orjson.loads(said)
    whole_ms = LOCKSTEP_TTL_MS if told["lockstep"] else FEED_TTL_MS
    silent_for = timedelta(milliseconds=whole_ms - max(left_ms, 0))
    market_time = told.pop("market_time")
    state = Liveness(told.pop("state"))
    if not told["lockstep"]:
        state = worse_of(state, LINK_LIMITS.judge(silent_for))
    return FeedState(
        feed=name,
        state=state,
        silent_for=silent_for,
        market_time=from_milliseconds(market_time) if market_time is not None else None,
        **told,
    )
