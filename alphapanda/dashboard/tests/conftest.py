"""A small desk on real tables: an account, two shares, one strategy at work, orders in several states."""

import itertools
from datetime import UTC, date, datetime, timedelta
from decimal import Decimal
from typing import Any

import pytest
from django.contrib.auth import get_user_model
from django.db import transaction

from alphapanda.core.clock.market_time import wall_now
from alphapanda.core.clock.services import set_market_time
from instruments.models import Instrument, TradingSession
from market.models import Candle, Feed, Shard
from portfolio.booking import TradeReport, book_trade, ensure_portfolio, open_account
from portfolio.models import Account, PnlSnapshot
from trading.models import (
    Deployment,
    Evaluation,
    Fill,
    Order,
    OrderTransition,
    RiskDecision,
    RiskLimit,
    Run,
    Signal,
    Strategy,
)
from trading.orders.gates import ensure_gates

DAY = date(2026, 11, 20)
NOW = datetime(2026, 11, 20, 9, 2, 8, tzinfo=UTC)  # 14:32:08 in India
FILLED_AT = Decimal("1512.37")
PHASES = [{"kind": "continuous", "from": "09:15", "to": "15:30"}]
CHECKS = [
    {
        "code": "MAX_GROSS",
        "title": "Gross exposure",
        "scope": "account",
        "passed": True,
        "value": "₹9.94 L",
        "limit": "₹12.50 L",
        "words": "gross ₹9.94 L; ₹12.50 L allowed",
        "used": "0.7952",
        "skipped": "",
        "failure": "",
    },
    {
        "code": "GATE",
        "title": "Gate",
        "scope": "order",
        "passed": True,
        "value": "Active",
        "limit": "Active",
        "words": "the gate is active",
        "used": None,
        "skipped": "",
        "failure": "",
    },
]


@pytest.fixture
def user(db: None) -> Any:
    return get_user_model().objects.create_user(
        "mehta", password="a long enough secret", first_name="V.", last_name="Mehta", is_superuser=True
    )


@pytest.fixture
def reader(client: Any, user: Any) -> Any:
    """A signed-in browser's requests."""
    client.force_login(user)
    return client


@pytest.fixture
def day(db: None) -> None:
    set_market_time(NOW, 1.0)
    for kind in ("equity", "equity_fno", "index"):
        TradingSession.objects.create(exchange="NSE", security_class=kind, day=DAY, phases=PHASES, source="test")


def share(symbol: str, token: int) -> Instrument:
    return Instrument.objects.create(
        exchange="NSE",
        tradingsymbol=symbol,
        name=symbol,
        instrument_type="EQ",
        segment="NSE",
        tick_size=Decimal("0.05"),
        lot_size=1,
        instrument_token=token,
        exchange_token=token // 256,
        first_seen=DAY,
    )


@pytest.fixture
def account(day: None) -> Account:
    account = open_account("Desk A", "paper", "paper", Decimal(1_000_000))
    ensure_gates()
    RiskLimit.objects.create(
        account=account, max_gross=Decimal(1_250_000), max_daily_loss=Decimal(15_000), max_orders_day=500
    )
    return account


@pytest.fixture
def deployment(account: Account) -> Deployment:
    feed = Feed.objects.create(name="kite")
    shard = Shard.objects.create(feed=feed)
    strategy, _ = Strategy.objects.get_or_create(
        name="mean_reversion", defaults={"title": "Mean reversion", "code_hash": "9f3c1a7e"}
    )
    deployment = Deployment.objects.create(
        name="Mean reversion A",
        strategy=strategy,
        account=account,
        shard=shard,
        size=Decimal(1),
        state="running",
        state_since=NOW,
    )
    deployment.instruments.set([share("INFY", 408065), share("TCS", 2953217)])
    return deployment


@pytest.fixture
def run(deployment: Deployment) -> Run:
    run = Run.objects.create(
        deployment=deployment,
        number=41,
        code_hash="9f3c1a7e00",
        parameters={"interval": 5},
        terms={"instruments": ["NSE:INFY", "NSE:TCS"]},
        started_at=NOW - timedelta(hours=5),
    )
    infy = deployment.instruments.get(tradingsymbol="INFY")
    Evaluation.objects.create(
        run=run, instrument=infy, at=NOW, text="close 1,514.90, needs under band 1,513.19", nearness=0.7
    )
    return run


class SampleDay:
    """Makes orders as the services would leave them."""

    def __init__(self, run: Run) -> None:
        self.run, self.deployment, self.account = run, run.deployment, run.deployment.account
        self.infy = self.deployment.instruments.get(tradingsymbol="INFY")
        self.portfolio = ensure_portfolio(self.account, self.deployment.pk, self.deployment.name)
        self.count = 0

    def signal(self, *, state: str = "ordered", reason: str = "", side: str = "BUY", quantity: int = 240) -> Signal:
        self.count += 1
        return Signal.objects.create(
            key=f"signal {self.count}",
            run=self.run,
            deployment=self.deployment,
            account=self.account,
            instrument=self.infy,
            epoch=1,
            n=self.count,
            kind="enter",
            side=side,
            quantity=quantity,
            order_type="LIMIT",
            product="MIS",
            price=Decimal("1512.40"),
            stop=Decimal(1501),
            target=Decimal(1524),
            reason="close 1,512.40 is under band 1,513.19",
            numbers={"rsi": 27.4},
            reference_price=Decimal("1512.40"),
            quote_at=NOW,
            market_time=NOW,
            send_by=NOW + timedelta(seconds=5),
            received_at=wall_now(),
            state=state,
            state_reason=reason,
        )

    def order(
        self, state: str = "open", *, filled: int = 0, quantity: int = 240, side: str = "BUY", price: str = "1512.37"
    ) -> Order:
        signal = self.signal(side=side, quantity=quantity)
        self._approve(signal)
        order = Order.objects.create(
            tag=f"APTEST{self.count:010d}",
            signal=signal,
            account=self.account,
            portfolio=self.portfolio,
            deployment=self.deployment,
            instrument=self.infy,
            side=side,
            quantity=quantity,
            order_type="LIMIT",
            product="MIS",
            price=signal.price,
            reserved=Decimal(72595),
            state=state,
            market_time=NOW,
            send_by=signal.send_by,
            broker_order_id=f"2611{self.count:08d}",
        )
        self._transition_to(state, order)
        if filled:
            self.fill(order, filled, Decimal(price))
        return order

    def _approve(self, signal: Signal) -> None:
        RiskDecision.objects.create(
            signal=signal,
            approved=True,
            checks=CHECKS,
            side=signal.side,
            quantity=signal.quantity,
            price=signal.price,
            only_shrinks=False,
            market_time=NOW,
        )

    def _transition_to(self, state: str, order: Order) -> None:
        for before, after in itertools.pairwise(("", "created", "unconfirmed", "submitted", "open")):
            OrderTransition.objects.create(order=order, before=before, after=after, actor="orders@1", market_time=NOW)
            if after == state:
                break

    @transaction.atomic
    def fill(self, order: Order, quantity: int, price: Decimal = FILLED_AT) -> Fill:
        signed = quantity if order.side == "BUY" else -quantity
        trade, _ = book_trade(
            TradeReport(
                account_id=self.account.pk,
                portfolio_id=self.portfolio.pk,
                instrument_id=self.infy.pk,
                exchange="NSE",
                day=DAY,
                trade_id=f"T{self.count}",
                broker_order_id=order.broker_order_id,
                order_tag=order.tag,
                product="MIS",
                signed_quantity=signed,
                price=price,
                traded_at=NOW,
            )
        )
        order.filled_quantity, order.average_price = quantity, price
        if quantity == order.quantity:
            order.state = "filled"
            OrderTransition.objects.create(order=order, before="open", after="filled", actor="booking", market_time=NOW)
        order.save()
        return Fill.objects.create(order=order, trade=trade, signed_quantity=signed, price=trade.price, at=NOW)


@pytest.fixture
def sample(run: Run) -> SampleDay:
    sample = SampleDay(run)
    start = NOW.replace(hour=8, minute=0, second=0)
    for bar in range(12):
        Candle.objects.create(
            instrument=sample.infy,
            interval=5,
            start=start + timedelta(minutes=5 * bar),
            open=1512,
            high=1516,
            low=1510,
            close=1513,
            volume=100,
        )
    PnlSnapshot.objects.create(
        portfolio=sample.portfolio,
        at=NOW - timedelta(minutes=1),
        day=DAY,
        realised=0,
        unrealised=0,
        opened_with=0,
        charges=0,
        net=Decimal("-12.50"),
        worst=Decimal("-12.50"),
    )
    return sample
