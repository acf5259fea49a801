"""allow_orders: let a live account send orders again after its broker was seen to take none."""

from typing import Any

from django.core.management.base import CommandParser

from alphapanda.core.commands import Command as BaseCommand
from trading.brokers import standing
from trading.management.commands.kite_login import account_named
from trading.orders import kill_switch


class Command(BaseCommand):
    help = (
        "Let a live account send orders again, once somebody has looked at why it stopped. "
        "A login lifts its own stop by itself."
    )

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("account", help="name of the account")
        parser.add_argument("--by", default="", metavar="NAME", help="who (default: who is logged in here)")

    def handle(self, *args: Any, **options: Any) -> None:
        account = account_named(options["account"])
        lifted = standing.lift(account, options["by"] or kill_switch.login_name())
        words = "may send orders again" if lifted else "was not stopped"
        self.say(f"{account.name} {words}.", account=account.name, was_stopped=lifted)
