"""kite_logout: end the day's session at Kite."""

from argparse import ArgumentParser
from typing import Any

from django.core.management.base import CommandError

from alphapanda.core.commands import Command as BaseCommand
from trading.brokers.data_port import CredentialMissing
from trading.brokers.zerodha import session
from trading.brokers.zerodha.addresses import AddressRefused
from trading.management.commands.kite_login import account_named
from trading.orders.broker_port import BrokerError


class Command(BaseCommand):
    help = "Kill an account's access token at Kite and forget it here. Positions and resting orders stay as they are."

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("account", help="name of the account")

    def handle(self, *args: Any, **options: Any) -> None:
        account = account_named(options["account"])
        try:
            was_open = session.log_out(account)
        except (AddressRefused, CredentialMissing, BrokerError) as problem:
            raise CommandError(f"{problem}. The token is forgotten here.") from problem
        words = "is logged out of Kite" if was_open else "was not logged in to Kite"
        self.say(f"{account.name} {words}.", account=account.name, was_logged_in=was_open)
