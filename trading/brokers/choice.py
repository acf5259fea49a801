"""Which broker an account is at: its row decides, never a setting. A broker is one folder and one row here."""

from importlib import import_module
from typing import cast

from portfolio.models import Account
from trading.brokers.data_port import BrokerFolder, MarketData
from trading.brokers.remote import RemoteBroker
from trading.errors import NotAllowed, insist_on_rehearsal
from trading.orders.broker_port import Broker
from trading.paper.broker import PaperBroker

# By ``Account.broker``. Imported when first asked: a broker's own client takes a while, and few processes need it.
FOLDERS = {"zerodha": "trading.brokers.zerodha"}


def broker_for(account: Account) -> Broker:
    """Return where the account's orders go. Raises NotAllowed."""
    if account.broker == "paper":
        return PaperBroker(account)
    insist_on_rehearsal(account)
    return RemoteBroker(account, lambda name: _folder_of(name).open_orders(name))


def market_data_of(account_name: str) -> MarketData:
    """Return the market data of an account's broker. Raises SessionExpired, or NotAllowed where it has none."""
    return _folder_of(account_name).open_market_data(account_name)


def login_address(account_name: str, state: str) -> str:
    """Return the page where the account's owner logs in; it hands ``state`` back. Raises CredentialMissing."""
    return _folder_of(account_name).login_address(account_name, state)


def complete_login(account_name: str) -> None:
    """Exchange the request token the web left, once. Raises LoginRefused, BrokerError or CredentialMissing."""
    _folder_of(account_name).complete_login(account_name)


def log_in_to_practice(account_name: str) -> None:
    """Log an account in to the practice exchange. Raises LoginRefused or BrokerError."""
    _folder_of(account_name).log_in_to_practice(account_name)


def _folder_of(account_name: str) -> BrokerFolder:
    broker = Account.objects.get(name=account_name).broker
    if broker not in FOLDERS:
        raise NotAllowed(f"{account_name} is at {broker}, which has no market data of its own")
    return cast(BrokerFolder, import_module(f"{FOLDERS[broker]}.folder"))
