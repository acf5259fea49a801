"""Give runs what waits for them: begin, fills, ends of orders, pauses; and note where in the stream they heard it."""

from collections.abc import Iterable
from datetime import datetime

import structlog

from instruments.models import Instrument
from market.domain.entries import StreamPosition
from trading.errors import NOBODYS_FAULT
from trading.models import Run, RunInput
from trading.run.faults import StrategyFault, error_words, traceback_of
from trading.run.history import history_of, kept_candles, learned_candles
from trading.run.host import RunHost
from trading.run.hosts import UnknownStrategy, exits_only_host, host_of, strategy_class
from trading.strategies.parameters import BadParameters
from trading.strategies.registry import code_hash
from trading.strategies.values import Candle
from trading.ticks.memory import Effects, LiveRun, RunFault, ShardMemory

log = structlog.get_logger()
WHAT = {"begin": "its beginning", "fill": "a fill", "ended": "an order's end", "resume": "its resumption"}


def apply_inputs(memory: ShardMemory, inputs: Iterable[RunInput], position: StreamPosition, effects: Effects) -> None:
    """Let runs hear ``inputs`` in order, as happening just before ``position``."""
    waiting = list(inputs)
    if any(told.kind in ("begin", "resume") for told in waiting):
        # Once for all of them: what they want was subscribed before they were told to begin, or is listed again.
        memory.refresh_instruments()
    faults = len(effects.faults)
    for told in waiting:
        apply_input(memory, told, effects)
        effects.inputs.append((told, position))
    effects.place_faults(faults, position, before_entry=True)


def apply_input(memory: ShardMemory, told: RunInput, effects: Effects) -> None:
    """Let a run hear one input; one that it cannot take pauses it, and nobody else."""
    try:
        _apply_input(memory, told, effects)
    except NOBODYS_FAULT:
        raise
    except Exception as error:
        log.exception("input_not_taken", run=str(told.run_id), kind=told.kind)
        if run := memory.runs.get(told.run_id):
            run.host.keep_exits_only(is_faulted=True)
        words = f"it could not be told of {WHAT.get(told.kind, told.kind)}: {error_words(error)}"
        effects.faults.append(RunFault(told.run_id, told.run.deployment_id, words, traceback_of(error)))


def _apply_input(memory: ShardMemory, told: RunInput, effects: Effects) -> None:
    run = memory.runs.get(told.run_id)
    if told.kind == "begin":
        begin_run(memory, told, effects)
    elif run is None:
        log.warning("input_for_no_run", run=str(told.run_id), kind=told.kind)
    elif told.kind == "end":
        del memory.runs[told.run_id]
        effects.ended.append(run)
    elif told.kind == "resume" or (told.kind == "relearn" and told.payload["resume"]):
        resume_run(memory, run, told, effects)
    else:
        memory.apply_input(run, told, effects)


def begin_run(memory: ShardMemory, told: RunInput, effects: Effects) -> None:
    """Make a run's host, unless it is there, and let it learn from history."""
    standing = memory.runs.get(told.run_id)
    live, problem = (standing, "") if standing else run_of(memory, told.run)
    memory.runs[told.run_id] = live
    effects.begun.append(live)
    if problem:
        effects.faults.append(live.fault(problem))
        return
    try:
        live.host.warm_up(_history(memory, live, told, effects))
    except StrategyFault as fault:
        effects.faults.append(live.fault(fault.words, fault.__cause__))


def resume_run(memory: ShardMemory, run: LiveRun, told: RunInput, effects: Effects) -> None:
    """Let a run decide again; one whose code could not be had goes on with its strategy, if there is one now."""
    if not run.host.has_strategy:
        fresh, problem = run_of(memory, told.run)
        if problem:
            effects.faults.append(run.fault(problem))
            return
        fresh.host.take_over(run.host)
        run = memory.runs[told.run_id] = fresh
    try:
        run.host.decide_again(_history(memory, run, told, effects))
    except StrategyFault as fault:
        effects.faults.append(run.fault(fault.words, fault.__cause__))
    else:
        effects.resumed.append(run)


def run_of(memory: ShardMemory, run: Run) -> tuple[LiveRun, str]:
    """Return a run with a fresh host, and what is wrong with its code: with that, it only gets out."""
    instruments = instruments_of(run)
    try:
        live = _live(memory, run, host_of(run, instruments, memory.now), instruments)
        changed = code_hash(strategy_class(run.deployment.strategy.name)) != run.code_hash
    except NOBODYS_FAULT:
        raise
    except Exception as error:
        foreseen = isinstance(error, UnknownStrategy | BadParameters | StrategyFault)
        if not foreseen:
            log.exception("run_not_made", run=str(run))
        return exits_only_run(memory, run), f"it cannot be run: {error if foreseen else error_words(error)}"
    if changed:
        live.host.keep_exits_only(is_faulted=True)
    return live, "its code has changed since the run began: stop it and start it again" if changed else ""


def exits_only_run(memory: ShardMemory, run: Run) -> LiveRun:
    """Return a run whose strategy cannot be had: stops, targets and flat-by are kept all the same."""
    instruments = instruments_of(run)
    return _live(memory, run, exits_only_host(run, instruments, memory.now), instruments)


def instruments_of(run: Run) -> list[Instrument]:
    """Return the instruments of the run's terms, listed or not: what is held of one that is gone is held all the same.

    Their order is the one of the terms; what was renamed since is found by its former key.
    """
    found = Instrument.objects.by_keys(run.terms["instruments"])
    return [found[key] for key in run.terms["instruments"] if key in found]


def _live(memory: ShardMemory, run: Run, host: RunHost, instruments: list[Instrument]) -> LiveRun:
    by_key = {instrument.key: instrument for instrument in instruments}
    host.hold_back(by_key.keys() - memory.keys.keys())
    deployment = run.deployment
    return LiveRun(run.pk, deployment.pk, deployment.account_id, deployment.name, host, by_key)


def _history(memory: ShardMemory, run: LiveRun, told: RunInput, effects: Effects) -> list[Candle]:
    """Return the candles a run learns from: those of the first time it was told this, or those kept now."""
    if digest := told.payload.get("history"):
        return learned_candles(digest, memory.names)
    until = datetime.fromisoformat(told.payload["until"])
    candles = kept_candles(run.host.strategy.warmup(), run.instruments, until)
    history = history_of(candles)
    effects.histories.append(history)
    told.payload = told.payload | {"history": history.digest}
    return candles
