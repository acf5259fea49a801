"""A desk of one account, two shares, a strategy and an order, and clients to ask about it."""

from datetime import UTC, date, datetime, timedelta
from decimal import Decimal
from typing import Any

import pytest
from django.contrib.auth import get_user_model
from django.urls import URLPattern, URLResolver, get_resolver
from rest_framework.test import APIClient

from alphapanda.core.clock.services import set_market_time
from instruments.models import Instrument
from market.models import Feed, Shard
from portfolio.booking import ensure_portfolio, open_account
from portfolio.models import Account
from trading.api.tokens import make_token
from trading.models import Deployment, Order, OrderTransition, RiskDecision, Run, Signal, Strategy
from trading.orders.gates import ensure_gates

DAY = date(2026, 11, 20)
SOME_ID = "0193f6b4-0000-7000-8000-000000000000"
NOW = datetime(2026, 11, 20, 9, 2, 8, tzinfo=UTC)  # 14:32:08 in India
CHECK = {
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
}


def make_user(name: str = "mehta", password: str | None = None) -> Any:
    return get_user_model().objects.create_user(name, password=password, is_superuser=True)


@pytest.fixture
def user(db: None, valkey: Any) -> Any:
    """A person without a password; asking for Valkey empties it, and with it the counts of requests."""
    return make_user()


@pytest.fixture
def client() -> APIClient:
    """Nobody in particular."""
    return APIClient()


@pytest.fixture
def person(user: Any) -> APIClient:
    """A signed-in person whose CSRF token is taken for granted."""
    client = APIClient()
    client.force_login(user)
    return client


def holder_of(user: Any, scope: str) -> APIClient:
    client = APIClient()
    client.credentials(HTTP_AUTHORIZATION=f"Token {make_token(user, f'my {scope}', scope, 30).shown}")
    return client


@pytest.fixture
def script(user: Any) -> APIClient:
    """A program that may trade."""
    return holder_of(user, "trade")


def make_share(symbol: str, token: int) -> Instrument:
    return Instrument.objects.create(
        exchange="NSE",
        tradingsymbol=symbol,
        instrument_type="EQ",
        segment="NSE",
        tick_size=Decimal("0.05"),
        lot_size=1,
        instrument_token=token,
        exchange_token=token // 256,
        first_seen=DAY,
    )


def make_account() -> Account:
    set_market_time(NOW, 0.0)
    make_share("INFY", 408065)
    account = open_account("Desk A", "paper", "paper", Decimal(1_000_000))
    ensure_gates()
    return account


@pytest.fixture
def account(db: None) -> Account:
    return make_account()


@pytest.fixture
def infy(account: Account) -> Instrument:
    return Instrument.objects.by_key("NSE:INFY")


@pytest.fixture
def deployment(account: Account, infy: Instrument) -> Deployment:
    deployment = Deployment.objects.create(
        name="Crossover A",
        strategy=Strategy.objects.get(name="moving_average_crossover"),
        account=account,
        shard=Shard.objects.create(feed=Feed.objects.create(name="kite")),
        size=Decimal(1),
    )
    deployment.instruments.add(infy)
    return deployment


@pytest.fixture
def run(deployment: Deployment) -> Run:
    return Run.objects.create(
        deployment=deployment, number=1, code_hash="9f3c", parameters={}, terms={}, started_at=NOW
    )


def make_order(account: Account, infy: Instrument, state: str = "open", number: int = 1) -> Order:
    asked = {"account": account, "instrument": infy, "side": "BUY", "quantity": 10, "order_type": "LIMIT"}
    asked |= {
        "product": "MIS",
        "price": Decimal("1512.4"),
        "market_time": NOW,
        "send_by": NOW + timedelta(seconds=9),
    }
    signal = Signal.objects.create(
        key=f"by hand {number}", kind="manual", reason="placed by mehta", state="ordered", **asked
    )
    RiskDecision.objects.create(
        signal=signal,
        approved=True,
        checks=[CHECK],
        side="BUY",
        quantity=10,
        price=asked["price"],
        only_shrinks=False,
        market_time=NOW,
    )
    order = Order.objects.create(
        tag=f"APTEST{number:010d}", signal=signal, portfolio=ensure_portfolio(account), state=state, **asked
    )
    OrderTransition.objects.create(order=order, before="", after=state, actor="orders@1", market_time=NOW)
    return order


@pytest.fixture
def order(account: Account, infy: Instrument) -> Order:
    return make_order(account, infy)


@pytest.fixture
def ticket(account: Account) -> dict[str, Any]:
    return ticket_for(account)


def ticket_for(account: Account) -> dict[str, Any]:
    return {
        "account": str(account.pk),
        "instrument": "NSE:INFY",
        "side": "BUY",
        "quantity": 10,
        "order_type": "LIMIT",
        "product": "MIS",
        "price": "1512.40",
    }


def problems_of(answer: Any) -> dict[str, str]:
    """Return the words of a refusal by field."""
    return {error["attr"]: error["detail"] for error in answer.json()["errors"]}


def api_routes() -> list[URLPattern]:
    """Return every route under /api/v1/, as the router made them."""
    (api,) = (entry for entry in get_resolver().url_patterns if str(entry.pattern) == "api/")
    assert isinstance(api, URLResolver)
    (v1,) = (entry for entry in api.url_patterns if isinstance(entry, URLResolver))
    return v1.url_patterns


def addresses() -> list[str]:
    """Every address of the API, read from the router."""
    routes = {str(entry.pattern).replace("(?P<pk>[^/.]+)", SOME_ID).strip("^$\\Z") for entry in api_routes()}
    return sorted(f"/api/v1/{route}" for route in routes)
