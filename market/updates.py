"""What browsers are told of prices: the latest of each instrument, at most five times a second, or nothing."""

from __future__ import annotations

import asyncio
from datetime import UTC, datetime
from typing import Any

import redis
import structlog
from channels.layers import get_channel_layer

from alphapanda.core.figures import iso
from alphapanda.core.telemetry import metrics
from market.domain.entries import StreamPosition
from market.domain.staleness import DEFAULT_LIMITS, AgeLimits, Liveness, instrument_state
from market.domain.ticks import TickBatch, divisor_for

log = structlog.get_logger(__name__)

GROUP = "market"
FLUSH_SECONDS = 0.2
SEND_SECONDS = 2.0
_PLACES = {100: 2, 10_000: 4, 10_000_000: 7}


def wire_text(wire: int, token: int) -> str:
    """Return a wire price as exact decimal text: ``1512.40``."""
    divisor = divisor_for(token)
    whole, part = divmod(wire, divisor)
    return f"{whole}.{part:0{_PLACES[divisor]}d}"


class MarketUpdates:
    """Collects the latest rows and sends them to the group ``market``. Losing one costs a browser nothing."""

    def __init__(self, keys: dict[int, str] | None = None, layer: Any = None) -> None:
        self.keys = keys or {}
        self.limits: dict[int, AgeLimits] = {}
        self._layer = layer
        self._latest: dict[int, Any] = {}
        self._at: datetime | None = None
        self._position = StreamPosition(0, 0)

    def take_rows(self, shown: TickBatch, at: datetime, position: StreamPosition) -> None:
        """Note the rows of a frame; later ones of an instrument replace earlier ones."""
        if len(shown):
            self._latest.update(zip(shown.rows["token"].tolist(), shown.rows, strict=True))
            self._at, self._position = at, position

    def message(self, state: Liveness) -> dict[str, Any] | None:
        """Return what to send, and forget it; None if nothing has changed."""
        if not self._latest or self._at is None:
            return None
        latest, self._latest = self._latest, {}
        quotes = [self._quote(row, token, state, self._at) for token, row in latest.items() if token in self.keys]
        return {"v": list(self._position), "at": iso(self._at), "quotes": quotes} if quotes else None

    def _quote(self, row: Any, token: int, feed: Liveness, at: datetime) -> dict[str, str | None]:
        bid, ask, stamp = int(row["bid_price"][0]), int(row["ask_price"][0]), int(row["exchange_timestamp"])
        seen_at = datetime.fromtimestamp(stamp, UTC) if stamp else None
        age = None if seen_at is None else at - seen_at
        return {
            "k": self.keys[token],
            "p": wire_text(int(row["last_price"]), token),
            "b": wire_text(bid, token) if bid else None,
            "a": wire_text(ask, token) if ask else None,
            "c": wire_text(int(row["close"]), token),
            "t": iso(at),
            "e": iso(seen_at),
            "s": str(instrument_state(feed, age, self.limits.get(token, DEFAULT_LIMITS))),
        }

    async def send(self, state: Liveness) -> None:
        payload = self.message(state)
        if payload is None:
            return
        layer = self._layer if self._layer is not None else get_channel_layer()
        try:
            sent = layer.group_send(GROUP, {"type": "market.update", "payload": payload})
            await asyncio.wait_for(sent, SEND_SECONDS)
        except (redis.RedisError, OSError, TimeoutError) as error:
            metrics.ANNOUNCEMENTS_LOST.labels("market_update").inc()
            log.warning("market_update_not_sent", error=str(error))
