"""A plain order on a plain morning, to vary one thing at a time."""

from dataclasses import replace
from datetime import UTC, datetime, timedelta
from decimal import Decimal

from instruments.tests.protections import SHARES
from market.domain.staleness import Liveness
from trading.orders.life_cycle import GateState
from trading.risk.assess import assess
from trading.risk.inputs import Exposure, HeldAndWorking, Limits, MarketView, ProposedOrder, RiskLimits, Usage
from trading.risk.verdicts import Case

__all__ = [
    "ACCOUNT_USAGE",
    "BUY_10",
    "EXPOSURE",
    "LIMITS",
    "MARKET",
    "NOW",
    "SELL_10",
    "UNLIMITED",
    "D",
    "long_of",
    "refused_by",
]

D = Decimal
NOW = datetime(2026, 11, 20, 5, 0, tzinfo=UTC)

BUY_10 = ProposedOrder(
    instrument="NSE:INFY",
    exchange="NSE",
    segment="NSE",
    signed_quantity=10,
    product="MIS",
    order_type="LIMIT",
    price=D(1300),
    reference_price=D(1300),
    quote_at=NOW - timedelta(seconds=1),
    bid=D("1299.9"),
    protection=SHARES,
    ask=D(1300),
    signal_at=NOW - timedelta(seconds=1),
    expires_at=NOW + timedelta(seconds=9),
)
SELL_10 = replace(BUY_10, signed_quantity=-10)

ACCOUNT_USAGE = Usage()
EXPOSURE = Exposure(
    held=HeldAndWorking(),
    account_held=HeldAndWorking(),
    account=ACCOUNT_USAGE,
    available_funds=D(50_000),
    required_funds=D(13_000),
)
OWN_LIMITS = Limits(D(200_000), 500, 1000, D(1_000_000), D(1_000_000), 20, 30, 500, D(10_000))
UNLIMITED = RiskLimits(quote_max_age=timedelta(seconds=10), collar_percent=D(2))
LIMITS = replace(UNLIMITED, account=OWN_LIMITS, deployment=OWN_LIMITS)
MARKET = MarketView(
    phase="continuous",
    day_known=True,
    tradable=True,
    tick_size=D("0.1"),
    lot_size=1,
    feed_state=Liveness.LIVE,
    quote_state=Liveness.LIVE,
    global_gate=GateState.ACTIVE,
    account_gate=GateState.ACTIVE,
    books_frozen=False,
    mis_cutoff_at=NOW + timedelta(hours=4),
    protection=SHARES,
)


def refused_by(order, exposure, limits, market, now):
    return list(assess(Case(order, exposure, limits, market, now)).codes)


def long_of(quantity):
    """Hold so many, all of which a sale may close."""
    held = HeldAndWorking(quantity)
    return replace(EXPOSURE, held=held, account_held=held, closable=max(0, quantity))
