"""Write what a drain brought about: candles, signals, evaluations, inputs heard, deployments moved on, a checkpoint."""

from collections.abc import Iterable
from datetime import timedelta
from typing import Any

from django.conf import settings

from alphapanda.core.clock.market_time import wall_now
from alphapanda.core.journal.services import record_event
from alphapanda.core.telemetry import metrics
from alphapanda.core.timezone import day_of
from market.candle_store import store_candles
from market.models import Shard
from portfolio.booking import ensure_portfolio
from trading import wakeups
from trading.exits.opening import open_exit
from trading.exits.plans import ExitRequest
from trading.models import Checkpoint, DayOpening, Evaluation, History, Order, Run, RunInput, Signal
from trading.orders.life_cycle import DeploymentState, SignalState, urgency_of
from trading.orders.requests import ask_cancellation
from trading.orders.transitions import notify_run
from trading.run import deployments
from trading.strategies.values import Tick
from trading.ticks.memory import Effects, QuotedDecision, RunFault, ShardMemory

# Our own choice: a rebuild reads at most half a minute of stream.
CHECKPOINT_EVERY = timedelta(seconds=30)


def write_effects(shard: Shard, memory: ShardMemory, effects: Effects) -> None:
    """Write all effects in the caller's transaction."""
    checkpoint = memory.save(effects) if _is_checkpoint_due(memory) else None
    store_candles(memory.instruments, effects.candles)
    _write_decisions(memory, effects.decisions)
    History.objects.bulk_create(effects.histories, ignore_conflicts=True)
    for told, position in effects.inputs:
        heard = RunInput.objects.filter(pk=told.pk, epoch__isnull=True)
        heard.update(epoch=position.epoch, n=position.n, payload=told.payload)
    for run in effects.begun:
        deployments.move_deployment(
            run.deployment_id, DeploymentState.RUNNING, "warmed up", frm=[DeploymentState.WARMING]
        )
    for run in effects.resumed:
        deployments.move_deployment(run.deployment_id, DeploymentState.RUNNING, "resumed", frm=[DeploymentState.PAUSED])
    for fault in effects.faults:
        _pause(memory, fault)
    if checkpoint:
        _write_checkpoint(shard, memory, checkpoint)


def _pause(memory: ShardMemory, fault: RunFault) -> None:
    """Pause a run that failed; its exits go on. The fault is an input: a rebuild stops there too."""
    deployments.move_deployment(fault.deployment_id, DeploymentState.PAUSED, fault.words)
    position = fault.position or memory.position
    payload = {"reason": fault.words, "faulted": True, "traceback": fault.traceback}
    RunInput.objects.get_or_create(
        run_id=fault.run_id,
        kind="exits_only",
        ref=str(memory.position),
        defaults={
            "payload": payload | {"before_entry": fault.before_entry}, "epoch": position.epoch, "n": position.n,
        },
    )  # fmt: skip


def _write_decisions(memory: ShardMemory, decisions: Iterable[QuotedDecision]) -> None:
    signals, evaluations = [], []
    for quoted in decisions:
        kind = quoted.decision.kind
        if kind == "enter":
            signals.append(signal_of(memory, quoted))
        elif kind == "exit":
            open_run_exit(memory, quoted)
        if quoted.decision.cancels is not None:
            cancel_entry_of(quoted)
        if kind in ("wait", "change_stop"):
            evaluations.append(evaluation_of(quoted))
    Signal.objects.bulk_create(signals)
    Evaluation.objects.bulk_create(evaluations)
    for signal in signals:
        _announce(signal)


def signal_of(memory: ShardMemory, quoted: QuotedDecision) -> Signal:
    decision, run = quoted.decision, quoted.run
    row = Run.objects.only("number", "terms").get(pk=run.run_id)
    return Signal(
        key=f"{run.name}/{row.number}/{decision.number}",
        run_id=run.run_id,
        deployment_id=run.deployment_id,
        account_id=run.account_id,
        instrument=run.instruments[decision.instrument],
        epoch=quoted.position.epoch,
        n=quoted.position.n,
        ordinal=decision.number,
        kind=decision.kind,
        side=decision.side or "",
        quantity=decision.quantity,
        order_type=decision.order_type,
        product=row.terms["product"],
        price=decision.price,
        stop=decision.stop,
        target=decision.target,
        reason=decision.reason.text[:300],
        numbers=dict(decision.reason.numbers),
        **_quote_of(quoted.tick),
        market_time=quoted.now,
        send_by=quoted.now + settings.SIGNAL_LIFE,
        received_at=quoted.received_at,
    )


def open_run_exit(memory: ShardMemory, quoted: QuotedDecision) -> None:
    """Open the exit a run has decided on; it is followed up until the holding is flat."""
    decision, run = quoted.decision, quoted.run
    row = Run.objects.select_related("deployment__account").get(pk=run.run_id)
    wish = ExitRequest(
        urgency=urgency_of(decision.reason.code),
        reason=decision.reason.text,
        key=f"{run.name}/{row.number}/{decision.number}",
        numbers=decision.reason.numbers,
        number=decision.number,
        seen={
            **_quote_of(quoted.tick),
            "epoch": quoted.position.epoch,
            "n": quoted.position.n,
            "received_at": quoted.received_at,
        },
    )
    portfolio = ensure_portfolio(row.deployment.account, run.deployment_id, run.name)
    instrument = memory.instruments[memory.keys[decision.instrument]]
    open_exit(portfolio, instrument, row.terms["product"], decision.side or "", wish, quoted.now, row)
    if quoted.received_at:
        metrics.TICK_TO_SIGNAL.observe((wall_now() - quoted.received_at).total_seconds())


def _quote_of(tick: Tick | None) -> dict[str, Any]:
    """The prices a decision was made on, as a signal keeps them; a decision made on time alone has none."""
    if tick is None:
        return {}
    return {"reference_price": tick.last_price, "bid": tick.bid, "ask": tick.ask, "quote_at": tick.at}


def _announce(signal: Signal) -> None:
    record_event(
        "signal.new",
        key=str(signal.pk),
        account_id=signal.account_id,
        correlation=signal.pk,
        payload={"signal": str(signal), "reason": signal.reason},
    )
    if signal.received_at:
        metrics.TICK_TO_SIGNAL.observe((wall_now() - signal.received_at).total_seconds())
    wakeups.wake_stage_after_commit(wakeups.ASSESS, signal.account_id, "risk")


def cancel_entry_of(quoted: QuotedDecision) -> None:
    """Stop an entry from filling further: not judged yet, it is superseded; ordered, its cancellation is asked."""
    ordinal = quoted.decision.cancels or 0
    which = {"run_id": quoted.run.run_id, "ordinal": ordinal}
    reason = quoted.decision.reason.text[:300]
    if Signal.objects.filter(**which, state=SignalState.NEW).update(state=SignalState.SUPERSEDED, state_reason=reason):
        signal = Signal.objects.select_related("instrument").get(**which)
        notify_run(signal, "ended", str(signal.pk), outcome="superseded", reason=reason)
        return
    orders = Order.objects.cancellable().filter(signal__run_id=quoted.run.run_id, signal__ordinal=ordinal)
    for order in orders.select_related("account"):
        ask_cancellation(order, quoted.run.name, quoted.now)


def evaluation_of(quoted: QuotedDecision) -> Evaluation:
    return Evaluation(
        run_id=quoted.run.run_id,
        instrument=quoted.run.instruments[quoted.decision.instrument],
        at=quoted.now,
        text=quoted.decision.reason.text[:300],
        numbers=dict(quoted.decision.reason.numbers),
        nearness=quoted.decision.nearness,
    )


def _is_checkpoint_due(memory: ShardMemory) -> bool:
    return memory.checkpointed_at is None or memory.now - memory.checkpointed_at >= CHECKPOINT_EVERY


def _write_checkpoint(shard: Shard, memory: ShardMemory, saved: dict[str, Any]) -> None:
    Checkpoint.objects.update_or_create(
        shard=shard,
        defaults={
            "epoch": memory.position.epoch,
            "n": memory.position.n,
            "market_time": memory.now,
            "memory": saved,
        },
    )
    _note_opening(shard, memory, saved)
    # A commit that fails throws this memory away, and with it this time.
    memory.checkpointed_at = memory.now
    memory.refresh_instruments()


def _note_opening(shard: Shard, memory: ShardMemory, saved: dict[str, Any]) -> None:
    """Keep the first memory of a market day as long as its stream is kept: from it the day can be run again."""
    day = day_of(memory.now)
    if memory.opened_on == day or not settings.STREAM_DAYS:
        return
    memory.opened_on = day
    values = {"epoch": memory.position.epoch, "n": memory.position.n, "memory": saved}
    _, is_new = DayOpening.objects.get_or_create(shard=shard, day=day, defaults=values)
    if is_new:
        kept = DayOpening.objects.filter(shard=shard).values_list("pk", flat=True)[: settings.STREAM_DAYS]
        DayOpening.objects.filter(shard=shard).exclude(pk__in=list(kept)).delete()
