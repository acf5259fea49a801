"""An account, two instruments and the words to trade them with."""

from collections.abc import Callable
from datetime import UTC, date, datetime, timedelta
from decimal import Decimal
from typing import Any

import pytest

from instruments.models import Instrument
from portfolio.booking import TradeReport, open_account
from portfolio.models import Account

DAY = date(2026, 11, 20)
OPEN = datetime(2026, 11, 20, 3, 45, tzinfo=UTC)  # 09:15 in India


@pytest.fixture
def account(db: None) -> Account:
    return open_account("practice", "paper", "paper", Decimal("1000000"))


@pytest.fixture
def infy(db: None) -> Instrument:
    return instrument("NSE", "INFY", "EQ", token=408065)


@pytest.fixture
def nifty_call(db: None) -> Instrument:
    return instrument("NFO", "NIFTY26NOV25000CE", "CE", token=10924290, strike=Decimal(25000), lot_size=65)


@pytest.fixture
def nifty_future(db: None) -> Instrument:
    return instrument("NFO", "NIFTY26NOVFUT", "FUT", token=10924291, lot_size=65)


def instrument(exchange: str, symbol: str, kind: str, *, token: int, **columns: Any) -> Instrument:
    return Instrument.objects.create(
        **{
            "exchange": exchange,
            "tradingsymbol": symbol,
            "name": symbol,
            "instrument_type": kind,
            "segment": exchange if kind == "EQ" else f"{exchange}-{'FUT' if kind == 'FUT' else 'OPT'}",
            "expiry": None if kind == "EQ" else date(2026, 11, 24),
            "tick_size": Decimal("0.05"),
            "lot_size": 1,
            "instrument_token": token,
            "exchange_token": token // 256,
            "first_seen": DAY,
        }
        | columns
    )


@pytest.fixture
def trade_of(account: Account, infy: Instrument) -> Callable[..., TradeReport]:
    """Reports numbered in the order they are asked for, one second apart."""
    count = 0

    def make(signed_quantity: int, price: str, **columns: Any) -> TradeReport:
        nonlocal count
        count += 1
        facts = {
            "account_id": account.pk,
            "portfolio_id": None,
            "instrument_id": infy.pk,
            "exchange": "NSE",
            "day": DAY,
            "trade_id": str(10_000_000 + count),
            "broker_order_id": str(2_611_200_000_000_000 + count),
            "order_tag": f"AP{count:014}",
            "product": "MIS",
            "signed_quantity": signed_quantity,
            "price": Decimal(price),
            "traded_at": OPEN + timedelta(seconds=count),
        }
        return TradeReport(**(facts | columns))

    return make
