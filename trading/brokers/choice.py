"""Which broker an account's orders go to: its row decides, never a setting."""

from portfolio.models import Account
from trading.errors import NotAllowed
from trading.orders.broker_port import Broker
from trading.paper.broker import PaperBroker


def broker_for(account: Account) -> Broker:
    if account.broker == "paper":
        return PaperBroker(account)
    raise NotAllowed(f"{account} is a live account; sending live orders is not part of this version")
