"""The desk that a load meets: 3,000 shares subscribed, 20 deployments on ten of them each, warm and started."""

from collections import Counter
from datetime import datetime, timedelta
from decimal import Decimal
from typing import Any

from django.core.management import call_command
from django.db.models import Count, Model

from alphapanda.core.clock.services import set_market_time
from alphapanda.runner import demo_setup
from benchmarks.harness import percentile
from benchmarks.synthetic_day import TICK, Walk, tokens_of
from instruments.models import Instrument
from market.candle_store import store_history
from market.models import Shard, Subscription
from portfolio.booking import open_account
from portfolio.models import Account, Trade
from trading.brokers.choice import log_in_to_practice
from trading.models import Deployment, Fill, Order, RiskDecision, RiskLimit, Signal, Strategy
from trading.orders import gates
from trading.run import deployments

# Quick to trade, so that the later stages have work: every one closes a candle a minute.
PLANS: tuple[tuple[str, int, dict[str, Any]], ...] = (
    ("momentum", 11, {"interval": 1, "lookback": 5, "exit_lookback": 3, "min_rate": "0.05", "stop_percent": "0.3"}),
    ("mean_reversion", 3, {"interval": 1, "stop_percent": "0.3"}),
    ("moving_average_crossover", 3, {"interval": 1, "fast": 3, "slow": 8, "stop_percent": "0.3"}),
    ("opening_range_breakout", 3, {"interval": 1, "no_entry_after": "15:00"}),
)
SHARES_A_DEPLOYMENT = 10


def set_up_market(walk: Walk, first: datetime) -> tuple[Shard, list[Instrument]]:
    """Make an empty database one with shares, all of them subscribed; the market's clock stands before ``first``."""
    call_command("migrate", verbosity=0, interactive=False)
    call_command("load_calendar", "--year", str(first.year), verbosity=0)
    set_market_time(first - timedelta(seconds=60), 0)
    shard, shares = demo_setup.ensure_feed(), list_shares(walk.count, first)
    Subscription.objects.bulk_create(
        Subscription(feed=shard.feed, instrument=share, mode="full", ref="load", wants_candles=True) for share in shares
    )
    return shard, shares


def log_in_data_account() -> None:
    """Log in to the practice exchange, as the feed's account."""
    data = demo_setup.ensure_data_account()
    log_in_to_practice(data.name)


def set_up_deployments(shard: Shard, shares: list[Instrument], walk: Walk, first: datetime, minutes: int) -> None:
    """Open a paper account, store history of the deployed shares, and start the deployments."""
    account = open_account("Load", "paper", "paper", Decimal(10_00_00_000))
    RiskLimit.objects.create(account=account, max_order_value=Decimal(250_000), max_gross=Decimal(50_00_00_000))
    gates.ensure_gates()
    names = [strategy for strategy, count, _ in PLANS for _ in range(count)]
    deployed = shares[: len(names) * SHARES_A_DEPLOYMENT]
    starts = [first - timedelta(minutes=minutes - nth) for nth in range(minutes)]
    for share, candles in zip(deployed, walk.history(len(deployed), minutes), strict=True):
        store_history(share, 1, [(start, *bar) for start, bar in zip(starts, candles, strict=True)])
    for nth, strategy in enumerate(names):
        start_run(nth, strategy, account, shard, deployed[nth * SHARES_A_DEPLOYMENT :][:SHARES_A_DEPLOYMENT], first)


def list_shares(count: int, first: datetime) -> list[Instrument]:
    return Instrument.objects.bulk_create(
        Instrument(
            exchange="NSE",
            tradingsymbol=f"LOAD{number:04}",
            name=f"LOAD {number}",
            instrument_type="EQ",
            segment="NSE",
            tick_size=Decimal(TICK) / 100,
            lot_size=1,
            instrument_token=token,
            exchange_token=token >> 8,
            first_seen=first.date(),
        )
        for number, token in enumerate(tokens_of(count))
    )


def start_run(
    nth: int, strategy: str, account: Account, shard: Shard, shares: list[Instrument], first: datetime
) -> Deployment:
    """Start a deployment whose history is there already: it begins with the first entry of the stream."""
    parameters = next(plan[2] for plan in PLANS if plan[0] == strategy)
    deployment = Deployment.objects.create(
        name=f"{strategy} {nth}",
        strategy=Strategy.objects.get(name=strategy),
        account=account,
        shard=shard,
        parameters=deployments.check_parameters(strategy, parameters),
        sizing="capital",
        size=Decimal(100_000),
    )
    deployment.instruments.set(shares)
    run = deployments.start_deployment(deployment, by="load")
    deployments.notify_run(run, "begin", "begin", {"until": first.isoformat()})
    return deployment


def all_running() -> bool:
    return not Deployment.objects.exclude(state="running").exists()


def measure_outcome(until: datetime) -> dict[str, Any]:
    """Return what the desk did, and how long signals of frames received before ``until`` took to their rows."""
    of_frames = Signal.objects.filter(received_at__lt=until).values_list("received_at", "created_at")
    waits = [(created - received).total_seconds() * 1000 for received, created in of_frames]
    codes = RiskDecision.objects.values_list("refusal_codes", flat=True)
    return {
        "deployments": counts_of(Deployment, "state"),
        "signals": Signal.objects.count(),
        "signals_by_state": counts_of(Signal, "state"),
        "refusals": dict(Counter(code for refused in codes for code in refused)),
        "orders": Order.objects.count(),
        "fills": Fill.objects.count(),
        "trades_booked": Trade.objects.count(),
        "frame_to_signal_ms": {
            name: round(percentile(waits, share)) if waits else None for name, share in (("p50", 0.5), ("p99", 0.99))
        },
    }


def counts_of(model: type[Model], column: str) -> dict[str, int]:
    return dict(model._default_manager.order_by().values_list(column).annotate(Count("pk")))
