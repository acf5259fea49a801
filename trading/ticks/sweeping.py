"""Wake every partition that has work left, and measure how old the oldest work is."""

from datetime import datetime
from typing import Any

from django.db.models import Exists, Min, OuterRef

from alphapanda.celery import app
from alphapanda.core.clock import market_now
from alphapanda.core.clock.market_time import clock_stands, wall_now
from alphapanda.core.telemetry import metrics
from market.domain.entries import StreamPosition
from market.models import Shard
from market.stream import TickStream
from portfolio.expiries import ready_to_book
from portfolio.models import Account
from trading import wakeups
from trading.brokers.adjusted_history import wake_for_history
from trading.brokers.price_bands import wake_for_bands
from trading.brokers.settlement_prices import wake_for_settlement_prices
from trading.models import ExitPlan, Order, PaperOrder, PaperTrade, Run, RunInput, Signal
from trading.orders import corporate_actions, day_end
from trading.orders.life_cycle import DeploymentState, OrderState, SignalState
from trading.orders.readings import wake_for_readings
from trading.run import deployments


def sweep_partitions() -> dict[str, int]:
    """Wake what should be awake. Returns how many partitions were woken, by stage."""
    woken = {
        wakeups.ASSESS: _sweep_accounts(wakeups.ASSESS, Signal.objects.filter(state=SignalState.NEW)),
        wakeups.EXITS: _sweep_accounts(wakeups.EXITS, ExitPlan.objects.due(market_now()).order_by()),
        wakeups.EXECUTE: _sweep_accounts(wakeups.EXECUTE, _orders_to_execute()),
        wakeups.EXECUTE_EXITS: _sweep_accounts(wakeups.EXECUTE_EXITS, _exits_to_execute()),
        wakeups.BOOK: _sweep_accounts(wakeups.BOOK, PaperTrade.objects.filter(is_booked=False))
        + _sweep_accounts(wakeups.BOOK, PaperOrder.objects.filter(is_reported=False))
        + _sweep_accounts(wakeups.BOOK, Order.objects.awaiting_trades().filter(account__mode="paper"))
        + wake_for_readings(wall_now()),
        wakeups.EXPIRIES: _sweep_expiries(),
        wakeups.ACTIONS: _sweep_actions(),
        wakeups.HISTORY: wake_for_history(),
        wakeups.SETTLEMENT: wake_for_settlement_prices(market_now()),
        wakeups.TICKS: _sweep_shards(),
        wakeups.BANDS: 0 if clock_stands() else wake_for_bands(market_now()),
    }
    warming = Run.objects.filter(ended_at__isnull=True, deployment__state=DeploymentState.WARMING)
    not_begun = warming.exclude(Exists(RunInput.objects.filter(run=OuterRef("pk"), kind="begin")))
    for run in not_begun.select_related("deployment__shard__feed"):
        deployments.ask_warm_up(run)
    if not clock_stands():
        day_end.call_for_people(market_now())
    measure_oldest_work()
    return woken


def _orders_to_execute() -> Any:
    to_send = Order.objects.filter(state__in=(OrderState.CREATED, OrderState.UNCONFIRMED))
    paper = to_send | Order.objects.to_cancel() | Order.objects.to_modify()
    return paper.filter(account__mode="paper") | _live(Order.objects.filter(state=OrderState.CREATED, is_exit=False))


def _exits_to_execute() -> Any:
    to_send = Order.objects.filter(state=OrderState.CREATED, is_exit=True)
    return _live(to_send | Order.objects.to_cancel() | Order.objects.to_modify())


def _live(orders: Any) -> Any:
    return orders.filter(account__mode="live")


def _sweep_accounts(stage: str, rows: Any) -> int:
    accounts = Account.objects.filter(pk__in=rows.values("account_id"))
    for account in accounts:
        wakeups.wake_stage(stage, account.pk, queue_of(stage, account))
    return len(accounts)


def queue_of(stage: str, account: Account) -> str:
    if stage in (wakeups.ASSESS, wakeups.EXITS):
        return "risk"
    if stage == wakeups.BOOK:
        return wakeups.books_queue(account)
    return wakeups.orders_queue(account, is_exit=stage == wakeups.EXECUTE_EXITS)


def _sweep_expiries() -> int:
    accounts = {position.portfolio.account_id for position in ready_to_book(market_now())}
    for account_id in accounts:
        wakeups.wake_stage(wakeups.EXPIRIES, account_id, "housekeeping")
    return len(accounts)


def _sweep_actions() -> int:
    is_due = corporate_actions.are_due(market_now())
    if is_due:
        wakeups.wake_stage(wakeups.ACTIONS, "all", "housekeeping")
    return int(is_due)


def _sweep_shards() -> int:
    woken = 0
    for shard in Shard.objects.select_related("feed", "checkpoint"):
        stream = TickStream(wakeups.valkey_client(), shard.feed_id)
        if stream.last_position() > StreamPosition(shard.epoch, shard.n):
            wakeups.wake_stage(wakeups.TICKS, shard.pk, f"ticks.{shard.name}")
            woken += 1
    return woken


def measure_oldest_work() -> None:
    """Write the age of the oldest waiting row of each stage, and tell Valkey's queues apart from it."""
    now = wall_now()
    for queue, oldest in oldest_work().items():
        metrics.QUEUE_AGE.labels(queue).set((now - oldest).total_seconds() if oldest else 0)


def oldest_work() -> dict[str, datetime | None]:
    def oldest(rows: Any) -> datetime | None:
        return rows.aggregate(oldest=Min("created_at"))["oldest"]

    return {
        "signals to judge": oldest(Signal.objects.filter(state=SignalState.NEW)),
        "orders to send": oldest(Order.objects.filter(state=OrderState.CREATED)),
        "orders without an answer": oldest(Order.objects.filter(state=OrderState.UNCONFIRMED)),
    }


def queue_lengths() -> dict[str, int]:
    """Return how many messages wait in each Celery queue; messages are only hints, work is in the rows above."""
    names = [queue.name for queue in app.amqp.queues.values()]
    names += [f"ticks.{shard.name}" for shard in Shard.objects.select_related("feed")]
    return {name: int(wakeups.valkey_client().llen(name)) for name in dict.fromkeys(names)}  # type: ignore[arg-type]
