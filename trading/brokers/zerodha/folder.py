"""Implements ``trading.brokers.data_port.BrokerFolder``: what the rest of the product asks of Zerodha."""

from functools import partial

from portfolio.models import Account
from trading.brokers.zerodha import session
from trading.brokers.zerodha.market_data import KiteMarketData
from trading.brokers.zerodha.orders import ZerodhaOrders
from trading.brokers.zerodha.practice import log_in_to_practice
from trading.brokers.zerodha.session import expire_session, open_session

__all__ = ["complete_login", "log_in_to_practice", "login_address", "open_market_data", "open_orders"]


def open_market_data(account_name: str) -> KiteMarketData:
    return KiteMarketData(open_session(account_name).client())


def login_address(account_name: str, state: str) -> str:
    return session.login_address(Account.objects.get(name=account_name), state)


def complete_login(account_name: str) -> None:
    session.complete_login(Account.objects.get(name=account_name))


def open_orders(account_name: str) -> ZerodhaOrders:
    """Return the account's way to the exchange; a token that Kite calls dead ends here too, for every process."""
    opened = open_session(account_name)
    client = opened.client()
    client.set_session_expiry_hook(partial(expire_session, account_name, opened.version, "Kite no longer takes it"))
    return ZerodhaOrders(client)
