"""Say that a shard had stood still: its worker was stopped or busy, and reads on where it was.

Nothing is lost by it. But stops were not watched meanwhile, and that a person wants to know.
"""

from collections.abc import Sequence
from datetime import timedelta
from uuid import UUID

from alphapanda.core.clock.market_time import clock_stands, wall_now
from alphapanda.core.figures import clock_time, took
from alphapanda.core.journal.services import record_event
from market.domain.entries import StreamEntry, from_milliseconds
from market.models import Shard

# As long as a process may be silent before a page says so.
STOOD_STILL = timedelta(seconds=10)
# Shards this process is catching up with: said once each time.
_behind: set[UUID] = set()


def note_standstill(shard: Shard, entries: Sequence[StreamEntry]) -> None:
    """Record once that ``entries``, about to be read, have waited long. A replay's frames are of no time of day."""
    first = next((entry for entry in entries if entry.batch is not None), None)
    if first is None or first.batch is None or clock_stands():
        return
    waited = wall_now() - from_milliseconds(first.batch.received_at)
    if waited <= STOOD_STILL:
        _behind.discard(shard.pk)
    elif shard.pk not in _behind:
        _behind.add(shard.pk)
        words = f"it reads on from {clock_time(first.market_time)}, after {took(waited)}; no stop was watched meanwhile"
        record_event("shard.caught_up", key=shard.name, payload={"words": words})
