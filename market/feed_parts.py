"""What a FeedConsumer works with: inbox, writer, filter, clock; put together by the feed's process or a test."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from concurrent.futures import Executor
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

from market.domain.entries import StreamPosition
from market.domain.lockstep import LockstepTime
from market.domain.quality import QualityFilter
from market.feeds import Inbox
from market.market_clock import FeedClock
from market.recording import Recorder
from market.updates import MarketUpdates
from market.writer import FeedWriter


@dataclass
class Lockstep:
    """One frame at a time: the next is taken when everything the last one caused is quiesced.

    ``set_time`` makes market time the frame's; ``quiesced`` returns when nothing is left to do.
    """

    set_time: Callable[[datetime], Awaitable[None]]
    quiesced: Callable[[Any, StreamPosition], Awaitable[None]]
    clock: LockstepTime = field(default_factory=LockstepTime)


@dataclass
class FeedParts:
    """What a FeedConsumer works with; the feed process puts it together."""

    inbox: Inbox
    writer: FeedWriter
    quality: QualityFilter
    updates: MarketUpdates
    thread: Executor
    clock: FeedClock | None = None
    lockstep: Lockstep | None = None
    recorder: Recorder | None = None
    refused: str = ""
    subscribed: int = 0
    gap: bool = True
    hinted: bool = False
