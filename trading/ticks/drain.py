"""Drain a shard: read the stream on from the committed position, let everything happen, commit it in one go.

All of it is computed outside any transaction. The commit moves the shard's position by compare-and-set: if somebody
else has moved it, everything computed here is dropped, memory included, and rebuilt when next needed.
"""

import time
from collections.abc import Iterable
from datetime import datetime
from uuid import UUID

import structlog
from django.db import connection, transaction

from alphapanda.core.journal.services import record_event
from alphapanda.core.telemetry import metrics
from alphapanda.core.telemetry.crashpoints import crashpoint
from alphapanda.core.timezone import IST
from instruments.models import CorporateAction
from market.domain.entries import StreamEntry, StreamPosition
from market.models import Shard
from market.stream import TickStream
from trading import wakeups
from trading.models import ExitPlan, RunInput
from trading.orders.corporate_actions import apply_corporate_actions
from trading.paper.rows import PaperExchange
from trading.ticks.commit import write_effects
from trading.ticks.inputs import apply_inputs
from trading.ticks.memory import Effects, ShardMemory
from trading.ticks.rebuild import rebuild_memory
from trading.ticks.standstill import note_standstill
from trading.ticks.troubles import clear_trouble, note_trouble

log = structlog.get_logger()
MOST_ENTRIES = 50
# Ticks come several times a second: to wait for the next is quicker, and costs less, than to be called anew.
LINGER_SECONDS = 0.25


# One round trip a drain for what three queries would mostly find empty.
WAITING = """
SELECT EXISTS (SELECT FROM trading_runinput i JOIN trading_run r ON r.id = i.run_id
               JOIN trading_deployment d ON d.id = r.deployment_id WHERE i.epoch IS NULL AND d.shard_id = %s),
       EXISTS (SELECT FROM trading_paperrequest WHERE NOT is_done)
       OR EXISTS (SELECT FROM trading_paperorder WHERE is_resting),
       EXISTS (SELECT FROM trading_exitplan WHERE finished_at IS NULL)
"""
_memories: dict[UUID, ShardMemory] = {}


class LostRace(Exception):
    """Another worker committed this shard's entries first."""


class StaleNames(Exception):
    """An instrument of a run has another symbol since the memory was made."""


def process_ticks(shard_id: UUID | str, linger: float = LINGER_SECONDS) -> bool:
    """Work until the stream has been empty for ``linger`` or five seconds are over. True: there is more to do."""
    shard = Shard.objects.select_related("feed").get(pk=shard_id)
    stream = TickStream(wakeups.valkey_client(), shard.feed_id)
    deadline = time.monotonic() + wakeups.LONGEST_DRAIN_SECONDS
    try:
        memory = recall_memory(shard, stream)
        while time.monotonic() < deadline:
            entries = next_entries(shard, stream, memory.position, linger)
            metrics.STREAM_LAG.labels(shard.name).set(len(entries))
            if entries:
                advance_shard(shard, memory, entries)
            clear_trouble(shard)
            if not entries:
                return False
    except LostRace:
        # Whoever was first goes on; to compete with it for every frame would rebuild the memory each time.
        _forget_memory(shard, "shard_lost_race")
        return False
    except StaleNames:
        # Nothing of these entries was committed: the memory made next hears them under the new name.
        _forget_memory(shard, "shard_has_new_names")
        return True
    except BaseException as error:
        # Memory may be ahead of what was committed: it is not to be trusted any more.
        _memories.pop(shard.pk, None)
        if isinstance(error, Exception):
            note_trouble(shard, error)
        raise
    return True


def _forget_memory(shard: Shard, why: str) -> None:
    _memories.pop(shard.pk, None)
    log.info(why, shard=shard.name)


def next_entries(shard: Shard, stream: TickStream, position: StreamPosition, linger: float) -> list[StreamEntry]:
    """Return what follows ``position``, waiting for it at most ``linger`` seconds, during which nobody need call."""
    if linger:
        wakeups.hold_awake_flag(wakeups.TICKS, shard.pk)
        if entries := stream.wait(position, MOST_ENTRIES, linger):
            return entries
        wakeups.clear_awake_flag(wakeups.TICKS, shard.pk)
    return stream.read(position, MOST_ENTRIES)


def recall_memory(shard: Shard, stream: TickStream) -> ShardMemory:
    """Return this process's memory of the shard, made anew unless it belongs to the committed position."""
    memory = _memories.get(shard.pk)
    if memory is None or memory.position != StreamPosition(shard.epoch, shard.n):
        memory = _memories[shard.pk] = rebuild_memory(shard, stream)
    return memory


def advance_shard(shard: Shard, memory: ShardMemory, entries: list[StreamEntry]) -> None:
    """Let ``entries`` happen and commit what they brought about."""
    note_standstill(shard, entries)
    with metrics.STAGE_SECONDS.labels("process_ticks").time():
        adjust_for_the_day(memory, entries[-1].market_time)
        insist_on_current_names(memory)
        effects, late = Effects(), memory.candles.counts["late"]
        has_inputs, has_orders, has_exits = what_waits(shard)
        exchange = PaperExchange(memory.instruments, has_orders)
        if has_inputs:
            apply_inputs(memory, waiting_inputs(shard), entries[0].position, effects)
        for entry in entries:
            rows = memory.apply_entry(entry, effects)
            exchange.apply_entry(rows, memory.rows, memory.now)
        insist_on_current_names(memory)
        memory.note_gone(effects)
        crashpoint("ticks.before_commit")
        commit_effects(shard, memory, effects, exchange)
        crashpoint("ticks.after_commit")
        if has_exits:
            wake_exits(memory.now)
    for candle in effects.candles:
        metrics.CANDLES.labels(str(candle.interval)).inc()
    metrics.LATE_TICKS.labels(shard.name).inc(memory.candles.counts["late"] - late)


def insist_on_current_names(memory: ShardMemory) -> None:
    """Raises StaleNames where a host knows an instrument by a former name: it would miss what is told under the new."""
    if memory.has_stale_names:
        raise StaleNames


def adjust_for_the_day(memory: ShardMemory, now: datetime) -> None:
    """Let splits of the day take effect before its first tick: else a price that is a fifth would touch every stop."""
    day = now.astimezone(IST).date()
    if memory.adjusted_on != day:
        apply_corporate_actions(now)
        memory.note_splits(CorporateAction.objects.filter(ex_date=day), day)


def what_waits(shard: Shard) -> tuple[bool, bool, bool]:
    """Return whether runs have something to hear, the paper exchange something to do, and exits are open: seldom."""
    with connection.cursor() as cursor:
        cursor.execute(WAITING, [shard.pk])
        has_inputs, has_orders, has_exits = cursor.fetchone()
    return has_inputs, has_orders, has_exits


def wake_exits(now: datetime) -> None:
    """Wake the exits to be looked at by this market time."""
    for account_id in ExitPlan.objects.due(now).order_by().values_list("account_id", flat=True).distinct():
        wakeups.wake_stage(wakeups.EXITS, account_id, "risk")


def waiting_inputs(shard: Shard) -> Iterable[RunInput]:
    waiting = RunInput.objects.filter(epoch__isnull=True, run__deployment__shard=shard).order_by("id")
    return waiting.select_related("run__deployment__strategy")


@transaction.atomic
def commit_effects(shard: Shard, memory: ShardMemory, effects: Effects, exchange: PaperExchange) -> None:
    """Write everything, or nothing. Raises LostRace if the shard has been moved on by somebody else."""
    if not Shard.objects.advance(shard, (memory.position.epoch, memory.position.n)):
        raise LostRace
    write_effects(shard, memory, effects)
    exchange.save_changes()
    for account_id in exchange.accounts:
        wakeups.wake_stage_after_commit(wakeups.BOOK, account_id, "housekeeping")
    for words in effects.gaps:
        record_event("feed.gap", key=shard.name, payload={"words": words})
        log.warning("stream_gap", shard=shard.name, words=words)
    shard.epoch, shard.n = memory.position
