"""Tell whoever listens that something was committed. Announcements are hints: a lost one costs nothing but time."""

import asyncio
import threading
from typing import TYPE_CHECKING, Any

import structlog
from channels.layers import get_channel_layer

from alphapanda.core.telemetry import logs, metrics

if TYPE_CHECKING:
    from alphapanda.core.journal.models import Event

log = structlog.get_logger()
EVENTS_GROUP = "events"
WAITING_LIMIT = 1000
_lock = threading.Lock()
_loop: asyncio.AbstractEventLoop | None = None
_waiting = 0


def announce_event(event: "Event") -> None:
    """Log it, so that an order can be followed by its tag, and send it on.

    A command at a terminal says in words of its own what it did.
    """
    if logs.is_publishing():
        about = {"correlation": str(event.correlation)} if event.correlation else {}
        log.info(event.kind, key=event.key, **about, payload=event.payload)
    send_to_group(
        EVENTS_GROUP,
        {
            "type": "journal.event",
            "id": str(event.id),
            "kind": event.kind,
            "account": str(event.account_id) if event.account_id else None,
            "key": event.key,
        },
    )


def send_to_group(group: str, message: dict[str, Any]) -> None:
    """Hand ``message`` to this process's one sending loop; never waits, never raises for a dead Valkey."""
    global _waiting
    if _waiting >= WAITING_LIMIT:
        metrics.ANNOUNCEMENTS_LOST.labels("full").inc()
        return
    _waiting += 1
    asyncio.run_coroutine_threadsafe(_send(group, message), sending_loop())


async def _send(group: str, message: dict[str, Any]) -> None:
    global _waiting
    try:
        await asyncio.wait_for(get_channel_layer().group_send(group, message), timeout=5)
    except Exception as error:  # whatever the transport raises: the snapshot has what this message would have said
        metrics.ANNOUNCEMENTS_LOST.labels("failed").inc()
        log.warning("announcement_lost", group=group, error=repr(error))
    finally:
        _waiting -= 1


def sending_loop() -> asyncio.AbstractEventLoop:
    # A loop per message costs 3 ms (it reconnects); one long-lived loop per process costs 0.06 ms.
    global _loop
    with _lock:
        if _loop is None or _loop.is_closed():
            _loop = asyncio.new_event_loop()
            threading.Thread(target=_loop.run_forever, name="announcements", daemon=True).start()
        return _loop


def forget_loop() -> None:
    """After a fork the parent's thread is gone: start anew when first needed."""
    global _loop, _waiting
    _loop, _waiting = None, 0
