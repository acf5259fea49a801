"""Make a shard's memory anew: its last checkpoint, then the stream since, heard again without acting on it."""

from typing import Any

import structlog
from django.conf import settings
from django.db.models import Max

from market.domain.entries import StreamPosition
from market.models import Shard
from market.stream import TickStream
from trading.errors import NOBODYS_FAULT
from trading.models import Checkpoint, ExitPlan, Run, RunInput, Signal
from trading.run import deployments
from trading.run.callback_slot import CallbackSlot
from trading.run.faults import StrategyFault, error_words, traceback_of
from trading.run.names import rename_keys
from trading.ticks.input_places import InputsAtPlaces, place_of
from trading.ticks.inputs import apply_input, exits_only_run, run_of
from trading.ticks.memory import Effects, LiveRun, RunFault, ShardMemory
from trading.ticks.trimming import entries_until

log = structlog.get_logger()


def rebuild_memory(shard: Shard, stream: TickStream) -> ShardMemory:
    """Return the memory that belongs to the shard's committed position.

    1. Restore the checkpoint: candles, last ticks, and every open run that was in it.
    2. Read the stream from there to the committed position, each run hearing its inputs where it heard them first.
       What is decided on the way was committed then; it is dropped now.
    3. If the stream no longer holds all of it, runs hear their inputs all the same, and candles know of the gap.
    4. A run that fails on the way is paused, and one whose callback killed two workers in a row.
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
    faults = _restore_runs(memory, shard, checkpoint.memory["runs"] if checkpoint else {})
    faults += _catch_up(memory, stream, target)
    memory.hold_back_gone()
    _number_on(memory)
    memory.position = target
    _pause_failed(memory, faults)
    if deadly:
        deployments.pause_run(deadly, "its callback killed the worker twice in a row")
    log.info("shard_rebuilt", shard=shard.name, position=str(target), runs=len(memory.runs))
    return memory


def _pause_failed(memory: ShardMemory, faults: list[RunFault]) -> None:
    """Pause the runs that failed on the way; one that failed then and was resumed since goes on."""
    for fault in faults:
        run = memory.runs.get(fault.run_id)
        if run is None or run.host.is_faulted:
            deployments.pause_run(fault.run_id, fault.words, fault.traceback)


def _restore_runs(memory: ShardMemory, shard: Shard, saved: dict[str, Any]) -> list[RunFault]:
    effects = Effects()
    open_runs = Run.objects.filter(deployment__shard=shard, ended_at__isnull=True)
    for run in open_runs.select_related("deployment__strategy", "deployment__account"):
        trace = ""
        try:
            problem = _restore_run(memory, run, rename_keys(saved.get(str(run.pk)), memory.names), effects)
        except NOBODYS_FAULT:
            raise
        except Exception as error:
            log.exception("run_not_restored", run=str(run))
            trace = traceback_of(error)
            problem = _restore_exits(memory, run, f"it cannot be rebuilt: {error_words(error)}", effects)
        if problem:
            deployments.pause_run(run.pk, problem, trace)
    return effects.faults


def _restore_run(memory: ShardMemory, run: Run, saved: dict[str, Any] | None, effects: Effects) -> str:
    """Put the run into memory as it was at the checkpoint. Returns what is wrong with it; its exits are kept then."""
    if saved is None and not _has_begun(memory, run):
        return ""  # it begins on the way to where the shard was, or later
    live, problem = run_of(memory, run)
    if saved is None:
        _apply_inputs_again(memory, run, live, effects)
        return problem
    try:
        live.host.restore(saved)
    except StrategyFault as fault:
        problem = problem or fault.words
    memory.runs[run.pk] = live
    if problem:
        live.host.keep_exits_only(is_faulted=True)
    return problem


def _restore_exits(memory: ShardMemory, run: Run, problem: str, effects: Effects) -> str:
    """Put a run that cannot be restored into memory by its fills alone, so that it gets out. Returns what to say."""
    try:
        _apply_inputs_again(memory, run, exits_only_run(memory, run), effects)
    except NOBODYS_FAULT:
        raise
    except Exception as error:
        log.exception("exits_not_managed", run=str(run))
        memory.runs.pop(run.pk, None)
        return f"nobody manages its exits, leave its positions by hand; {problem}; {error_words(error)}"
    return problem


def _has_begun(memory: ShardMemory, run: Run) -> bool:
    return any(told.kind == "begin" for told in _heard_so_far(memory, run))


def _apply_inputs_again(memory: ShardMemory, run: Run, live: LiveRun, effects: Effects) -> None:
    """Bring a run that is in no checkpoint to the memory's position: it hears all it was told up to there."""
    memory.runs[run.pk] = live
    for told in _heard_so_far(memory, run):
        apply_input(memory, told, effects)


def _heard_so_far(memory: ShardMemory, run: Run) -> list[RunInput]:
    return [told for told in _heard(memory, run_id=run.pk) if place_of(told) <= memory.position]


def _heard(memory: ShardMemory, **which: object) -> list[RunInput]:
    heard = RunInput.objects.filter(epoch__isnull=False, **which).order_by("epoch", "n", "id")
    return list(heard.select_related("run__deployment__strategy"))


def _catch_up(memory: ShardMemory, stream: TickStream, target: StreamPosition) -> list[RunFault]:
    faults: list[RunFault] = []
    inputs = InputsAtPlaces(_heard_after(memory, target))
    for entry in entries_until(stream, memory.position, target):
        _apply_inputs(memory, inputs.take_before(entry.position), faults)
        memory.apply_entry(entry, Effects(faults=faults))
    _apply_inputs(memory, inputs.take_rest(), faults)
    if memory.position != target:
        memory.candles.note_gap(int(memory.now.timestamp()))
    return faults


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


def _heard_after(memory: ShardMemory, target: StreamPosition) -> list[RunInput]:
    heard = _heard(memory, run__deployment__shard=memory.shard_id, epoch__gte=memory.position.epoch)
    return [told for told in heard if memory.position < place_of(told) <= target]


def _apply_inputs(memory: ShardMemory, inputs: list[RunInput], faults: list[RunFault]) -> None:
    for told in inputs:
        apply_input(memory, told, Effects(faults=faults))
