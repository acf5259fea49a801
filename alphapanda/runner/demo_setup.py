"""What the demo sets up at its birth: a person, a paper account, limits, and four deployments."""

from dataclasses import dataclass
from decimal import Decimal
from typing import Any

from django.contrib.auth import get_user_model

from alphapanda.runner.practice import DATA_ACCOUNT
from instruments.models import Instrument
from market.models import Feed, Shard
from market.subscriptions import subscribe_instrument
from portfolio.booking import open_account
from portfolio.models import Account
from trading.models import Deployment, RiskLimit, Strategy
from trading.orders import gates
from trading.run import deployments

PAPER_ACCOUNT = "Desk A"
OPENING_CASH = Decimal(10_00_000)
USER = "demo"
INDICES = ("NSE:NIFTY 50", "NSE:NIFTY BANK", "BSE:SENSEX")
OPTION_STRIKES = 5


@dataclass(frozen=True)
class DeploymentPlan:
    """One deployment of the demo."""

    name: str
    strategy: str
    symbols: tuple[str, ...]
    parameters: dict[str, Any]
    sizing: str
    size: Decimal


PLANS = (
    DeploymentPlan("Momentum", "momentum", ("RELIANCE", "SBIN", "AXISBANK"), {"lookback": 10}, "risk", Decimal(1_500)),
    DeploymentPlan(
        "Mean reversion", "mean_reversion", ("INFY", "HDFCBANK", "ICICIBANK"), {}, "capital", Decimal(1_50_000)
    ),
    DeploymentPlan("MA crossover", "moving_average_crossover", ("TCS", "LT", "ITC"), {}, "capital", Decimal(1_50_000)),
    DeploymentPlan(
        "Opening range", "opening_range_breakout", ("BHARTIARTL", "MARUTI", "KOTAKBANK"), {}, "risk", Decimal(1_500)
    ),
)


def create_demo_user() -> Any:
    """The demo's one person. Without a password: only the printed link lets them in."""
    user, is_new = get_user_model().objects.get_or_create(
        username=USER, defaults={"is_staff": True, "is_superuser": True, "first_name": "Demo"}
    )
    if is_new:
        user.set_unusable_password()
        user.save()
    return user


def ensure_data_account() -> Account:
    """The account whose login carries the prices; it holds no money and trades nothing."""
    account = Account.objects.filter(name=DATA_ACCOUNT).first()
    return account or open_account(DATA_ACCOUNT, "live", "zerodha", Decimal(0))


def ensure_feed() -> Shard:
    feed, _ = Feed.objects.get_or_create(name="kite", defaults={"data_account": DATA_ACCOUNT})
    shard, _ = Shard.objects.get_or_create(feed=feed, number=0)
    return shard


def set_up_paper_account(shard: Shard) -> Account:
    """Open the paper account with its limits and deployments, and start them, unless that was done before."""
    subscribe_watchlist(shard.feed)
    existing = Account.objects.filter(name=PAPER_ACCOUNT).first()
    if existing:
        return existing
    account = open_account(PAPER_ACCOUNT, "paper", "paper", OPENING_CASH)
    RiskLimit.objects.create(
        account=account,
        max_order_value=Decimal(2_50_000),
        max_quantity=2_000,
        max_position=2_000,
        max_gross=Decimal(12_50_000),
        max_net=Decimal(10_00_000),
        max_open_orders=12,
        max_orders_minute=30,
        max_orders_day=500,
        max_daily_loss=Decimal(20_000),
        # A practice clock that runs faster makes every wait longer in market time.
        max_quote_age_seconds=30,
    )
    gates.ensure_gates()
    for plan in PLANS:
        deployments.start_deployment(create_deployment(plan, account, shard), by=USER)
    return account


def create_deployment(plan: DeploymentPlan, account: Account, shard: Shard) -> Deployment:
    deployment = Deployment.objects.create(
        name=plan.name,
        strategy=Strategy.objects.get(name=plan.strategy),
        account=account,
        shard=shard,
        parameters=deployments.check_parameters(plan.strategy, plan.parameters),
        sizing=plan.sizing,
        size=plan.size,
    )
    deployment.instruments.set(Instrument.objects.by_keys([f"NSE:{symbol}" for symbol in plan.symbols]).values())
    RiskLimit.objects.create(
        account=account, deployment=deployment, max_daily_loss=Decimal(8_000), max_quote_age_seconds=30
    )
    return deployment


def subscribe_watchlist(feed: Feed) -> None:
    """Subscribe what the pages show: indices, every share, and the options nearest to the money."""
    shares = Instrument.objects.listed().filter(exchange="NSE", segment="NSE")[:40]
    indices = Instrument.objects.by_keys(list(INDICES)).values()
    for instrument in (*indices, *shares, *near_options()):
        subscribe_instrument(feed, instrument, "full", ref="watchlist", wants_candles=not instrument.is_index)


def subscribe_all(feed: Feed) -> None:
    """Subscribe whatever a replay lists."""
    for instrument in Instrument.objects.listed():
        subscribe_instrument(feed, instrument, "full", ref="replay", wants_candles=not instrument.is_index)


def near_options() -> list[Instrument]:
    """Return the middle strikes of the nearest expiry listed; which are at the money moves with the day."""
    options = Instrument.objects.listed().filter(exchange="NFO", name="NIFTY", instrument_type__in=("CE", "PE"))
    nearest = options.order_by("expiry").values_list("expiry", flat=True).first()
    listed = options.filter(expiry=nearest, strike__isnull=False).values_list("strike", flat=True)
    strikes = sorted({strike for strike in listed if strike is not None})
    middle = len(strikes) // 2
    chosen = strikes[max(0, middle - OPTION_STRIKES // 2) : middle + OPTION_STRIKES // 2 + 1]
    return list(options.filter(expiry=nearest, strike__in=chosen))
