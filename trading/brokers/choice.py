"""Which broker an account's orders go to: its row decides, never a setting."""

from portfolio.models import Account
from trading.brokers.paper import PaperBroker
from trading.domain.brokerage import Broker
from trading.services.errors import NotAllowed


def broker_for(account: Account) -> Broker:
    if account.broker == "paper":
        return PaperBroker(account)
    raise NotAllowed(f"{account} is a live account; sending live orders is not part of this version")
