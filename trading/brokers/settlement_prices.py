"""Final settlement prices of expired contracts that are held: the broker's day candle of the underlying tells them."""

from datetime import date, datetime, time, timedelta
from decimal import Decimal

import structlog

from alphapanda.core.timezone import IST
from instruments.models import Instrument, SettlementPrice
from portfolio.expiries import awaiting_price
from trading import wakeups
from trading.brokers.data_port import MarketData
from trading.brokers.price_bands import data_accounts

log = structlog.get_logger()
A_DAY = 1440  # minutes


def wake_for_settlement_prices(now: datetime) -> int:
    """Ask a data account's broker worker for the final prices that are lacking. Returns how many were asked."""
    account = data_accounts().first() if awaiting_price(now) else None
    if account is None:
        return 0
    wakeups.wake_stage(wakeups.SETTLEMENT, account, f"broker.{account}")
    return 1


def fetch_settlement_prices(data: MarketData, now: datetime) -> int:
    """Keep the final prices of all contracts that wait for one; returns how many the broker told.

    One that it does not tell is asked for again, and may be entered by hand from the exchange's circular.
    """
    lacking = {(one.exchange, one.name, one.expiry): one for one in (p.instrument for p in awaiting_price(now))}
    return sum(_keep_price(data, contract, now) for contract in lacking.values())


def _keep_price(data: MarketData, contract: Instrument, now: datetime) -> bool:
    assert contract.expiry is not None
    price = closing_price(data, contract.underlying_key, contract.expiry, now)
    if price is None:
        log.warning("settlement_price_unknown", underlying=contract.underlying_key, day=str(contract.expiry))
        return False
    SettlementPrice.objects.get_or_create(
        exchange=contract.exchange,
        underlying=contract.name,
        day=contract.expiry,
        defaults={"price": price, "source": f"the broker's day candle of {contract.underlying_key}"},
    )
    return True


def closing_price(data: MarketData, key: str, day: date, now: datetime) -> Decimal | None:
    """Return what an underlying closed at on ``day``; None if it is not listed or the broker has no candle of it."""
    underlying = Instrument.objects.by_keys([key]).get(key)
    token = underlying.token_on(now.astimezone(IST).date()) if underlying else None
    if token is None:
        return None
    midnight = datetime.combine(day, time(0), IST)
    candles = data.fetch_history(token, A_DAY, midnight, midnight + timedelta(days=1, seconds=-1))
    return next((candle.close for candle in candles if candle.start.astimezone(IST).date() == day), None)
