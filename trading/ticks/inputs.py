"""Give runs what waits for them: begin, fills, ends of orders, pauses; and note where in the stream they heard it."""

from collections.abc import Iterable
from datetime import datetime

import structlog

from instruments.models import Instrument
from market.models import Candle as CandleRow
from market.stream import StreamPosition
from trading.models import Run, RunInput
from trading.run.faults import StrategyFault
from trading.run.host import RunHost
from trading.run.hosts import exits_only_host, host_of
from trading.strategies.values import Candle
from trading.ticks.memory import Effects, LiveRun, ShardMemory

log = structlog.get_logger()


def apply_inputs(memory: ShardMemory, inputs: Iterable[RunInput], position: StreamPosition, effects: Effects) -> None:
    """Let runs hear ``inputs`` in order, as happening just before ``position``."""
    waiting = list(inputs)
    if any(told.kind in ("begin", "resume") for told in waiting):
        # Once for all of them: what they want was subscribed before they were told to begin, or is listed again.
        memory.refresh_instruments()
    for told in waiting:
        apply_input(memory, told, effects)
        effects.inputs.append((told, position))


def apply_input(memory: ShardMemory, told: RunInput, effects: Effects) -> None:
    run = memory.runs.get(told.run_id)
    if told.kind == "begin":
        begin_run(memory, told.run, datetime.fromisoformat(told.payload["until"]), effects)
    elif run is None:
        log.warning("input_for_no_run", run=str(told.run_id), kind=told.kind)
    elif told.kind == "end":
        del memory.runs[told.run_id]
        effects.ended.append(run)
    elif told.kind == "resume":
        resume_run(memory, run, datetime.fromisoformat(told.payload["until"]), effects)
    else:
        memory.apply_input(run, told, effects)


def begin_run(memory: ShardMemory, run: Run, until: datetime, effects: Effects) -> None:
    """Make a run's host and let it learn from the candles that began before ``until``."""
    live = live_run(memory, run)
    memory.runs[run.pk] = live
    try:
        live.host.warm_up(warm_up_candles(live, until))
    except StrategyFault as fault:
        effects.faults.append((live, fault.words))
    effects.begun.append(live)


def resume_run(memory: ShardMemory, run: LiveRun, until: datetime, effects: Effects) -> None:
    try:
        run.host.decide_again(warm_up_candles(run, until))
    except StrategyFault as fault:
        effects.faults.append((run, fault.words))
    else:
        effects.resumed.append(run)


def live_run(memory: ShardMemory, run: Run) -> LiveRun:
    """Return a run with a fresh host. Raises UnknownStrategy or BadParameters."""
    instruments = instruments_of(run)
    return _live(memory, run, host_of(run, instruments, memory.now), instruments)


def exits_only_run(memory: ShardMemory, run: Run) -> LiveRun:
    """Return a run whose strategy cannot be had: stops, targets and flat-by are kept all the same."""
    instruments = instruments_of(run)
    return _live(memory, run, exits_only_host(run, instruments, memory.now), instruments)


def instruments_of(run: Run) -> list[Instrument]:
    """Return the instruments of the run's terms, listed or not: what is held of one that is gone is held all the same.

    Their order is the one of the terms.
    """
    found = Instrument.objects.by_keys(run.terms["instruments"])
    return [found[key] for key in run.terms["instruments"] if key in found]


def _live(memory: ShardMemory, run: Run, host: RunHost, instruments: list[Instrument]) -> LiveRun:
    by_key = {instrument.key: instrument for instrument in instruments}
    host.hold_back(by_key.keys() - memory.keys.keys())
    deployment = run.deployment
    return LiveRun(run.pk, deployment.pk, deployment.account_id, deployment.name, host, by_key)


def warm_up_candles(run: LiveRun, until: datetime) -> list[Candle]:
    """Return the candles a strategy asked to warm up on, oldest first, equal times by key."""
    found: list[Candle] = []
    for interval, count in run.host.strategy.warmup().items():
        for key, instrument in run.instruments.items():
            rows = CandleRow.objects.last_before(instrument.pk, interval, until, count)
            found += [
                Candle(key, interval, row.start, row.open, row.high, row.low, row.close, row.volume, row.complete)
                for row in rows
            ]
    return sorted(found, key=lambda candle: (candle.start, candle.interval, candle.instrument))
