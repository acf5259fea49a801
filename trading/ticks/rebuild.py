"""Make a shard's memory anew: its last checkpoint, then the stream since, heard again without acting on it."""

from collections import defaultdict
from typing import Any

import structlog
from django.conf import settings
from django.db.models import Max

from market.models import Shard
from market.stream import StreamEntry, StreamPosition, TickStream
from trading.models import Checkpoint, ExitPlan, Run, RunInput, Signal
from trading.run import deployments
from trading.run.callback_slot import CallbackSlot
from trading.run.faults import StrategyFault
from trading.run.hosts import UnknownStrategy, strategy_class
from trading.strategies.parameters import BadParameters
from trading.strategies.registry import code_hash
from trading.ticks.inputs import apply_input, exits_only_run, live_run
from trading.ticks.memory import Effects, LiveRun, ShardMemory

log = structlog.get_logger()
READ_AT_ONCE = 500


def rebuild_memory(shard: Shard, stream: TickStream) -> ShardMemory:
    """Return the memory that belongs to the shard's committed position.

    1. Restore the checkpoint: candles, last ticks, and every open run that was in it.
    2. Read the stream from there to the committed position, each run hearing its inputs where it heard them first.
       What is decided on the way was committed then; it is dropped now.
    3. If the stream no longer holds all of it, runs hear their inputs all the same, and candles know of the gap.
    4. A run whose callback killed two workers in a row is paused.
    """
    target = StreamPosition(shard.epoch, shard.n)
    slot = CallbackSlot(settings.STATE_DIR / "shards" / f"{shard.pk}.slot")
    deadly = slot.deadly_run()
    checkpoint = Checkpoint.objects.filter(shard=shard).first()
    start = StreamPosition(checkpoint.epoch, checkpoint.n) if checkpoint else target
    memory = ShardMemory(shard, start, slot)
    memory.refresh_instruments()
    if checkpoint:
        memory.restore(checkpoint.memory)
    _restore_runs(memory, shard, checkpoint.memory["runs"] if checkpoint else {})
    _catch_up(memory, stream, target)
    memory.hold_back_gone()
    _number_on(memory)
    memory.position = target
    if deadly:
        deployments.pause_run(deadly, "its callback killed the worker twice in a row")
    log.info("shard_rebuilt", shard=shard.name, position=str(target), runs=len(memory.runs))
    return memory


def _restore_runs(memory: ShardMemory, shard: Shard, saved: dict[str, Any]) -> None:
    open_runs = Run.objects.filter(deployment__shard=shard, ended_at__isnull=True)
    for run in open_runs.select_related("deployment__strategy", "deployment__account"):
        live, problem = _live(memory, run)
        if str(run.pk) in saved:
            problem = _restore_host(live, saved[str(run.pk)], problem)
            memory.runs[run.pk] = live
        elif RunInput.objects.filter(run=run, kind="begin", epoch__isnull=False).exists():
            _apply_inputs_again(memory, run, live)
        if problem:
            live.host.keep_exits_only(is_faulted=True)
            deployments.pause_run(run.pk, problem)


def _live(memory: ShardMemory, run: Run) -> tuple[LiveRun, str]:
    """Return the run with its host, and what is wrong with its code. Its exits are kept whatever that is."""
    try:
        live = live_run(memory, run)
        changed = code_hash(strategy_class(run.deployment.strategy.name)) != run.code_hash
    except (UnknownStrategy, BadParameters) as error:
        return exits_only_run(memory, run), f"it cannot be run: {error}"
    return live, "its code has changed since the run began: stop it and start it again" if changed else ""


def _restore_host(live: LiveRun, saved: dict[str, Any], problem: str) -> str:
    """Restore books and stops; a strategy that cannot take its own state back is paused with its exits kept."""
    try:
        live.host.restore(saved)
    except StrategyFault as fault:
        return problem or fault.words
    return problem


def _apply_inputs_again(memory: ShardMemory, run: Run, live: LiveRun) -> None:
    """Bring a run that is in no checkpoint to the memory's position: it hears all it was told up to there."""
    memory.runs[run.pk] = live
    for told in _heard(memory, run_id=run.pk):
        if StreamPosition(told.epoch, told.n) <= memory.position:  # type: ignore[arg-type]
            apply_input(memory, told, Effects())


def _heard(memory: ShardMemory, **which: object) -> list[RunInput]:
    heard = RunInput.objects.filter(epoch__isnull=False, **which).order_by("epoch", "n", "id")
    return list(heard.select_related("run__deployment__strategy"))


def _catch_up(memory: ShardMemory, stream: TickStream, target: StreamPosition) -> None:
    inputs = _inputs_by_position(memory, target)
    position = memory.position
    for entry in _entries(stream, position, target):
        for place in sorted(place for place in inputs if place <= entry.position):
            _apply_inputs(memory, inputs.pop(place))
        memory.apply_entry(entry, Effects())
    for place in sorted(inputs):
        _apply_inputs(memory, inputs[place])
    if memory.position != target:
        memory.candles.note_gap(int(memory.now.timestamp()))


def _number_on(memory: ShardMemory) -> None:
    """Number decisions on from those committed: a run that was paused on the way has not repeated its own."""
    exits = (
        ExitPlan.objects.filter(run__in=memory.runs, number__isnull=False).values_list("run").annotate(Max("number"))
    )
    for run_id, number in exits.order_by():
        memory.runs[run_id].host.number_from(number + 1)
    last = Signal.objects.filter(run__in=memory.runs).values_list("run").annotate(last=Max("ordinal"))
    for run_id, ordinal in last.order_by():
        memory.runs[run_id].host.number_from(ordinal + 1)


def _inputs_by_position(memory: ShardMemory, target: StreamPosition) -> dict[StreamPosition, list[RunInput]]:
    found: dict[StreamPosition, list[RunInput]] = defaultdict(list)
    for told in _heard(memory, run__deployment__shard=memory.shard_id, epoch__gte=memory.position.epoch):
        place = StreamPosition(told.epoch, told.n)  # type: ignore[arg-type]
        if memory.position < place <= target:
            found[place].append(told)
    return found


def _apply_inputs(memory: ShardMemory, inputs: list[RunInput]) -> None:
    for told in inputs:
        apply_input(memory, told, Effects())


def _entries(stream: TickStream, after: StreamPosition, until: StreamPosition) -> list[StreamEntry]:
    found: list[StreamEntry] = []
    while after < until:
        some = [entry for entry in stream.read(after, READ_AT_ONCE) if entry.position <= until]
        if not some:
            break
        found += some
        after = some[-1].position
    return found
