"""arm: let a live account open new risk today, or no more."""

from typing import Any

from django.core.management.base import CommandError, CommandParser

from alphapanda.core.commands import Command as BaseCommand
from trading.errors import NotAllowed
from trading.management.commands.kite_login import account_named
from trading.orders import arming, kill_switch


class Command(BaseCommand):
    help = "Let a live account open new risk until the day ends; with --off, no more. Getting out never needs it."

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("account", help="name of the account")
        parser.add_argument("--off", action="store_true", help="open no new risk any more")
        parser.add_argument("--reason", default="", metavar="TEXT", help="why no more")
        parser.add_argument("--by", default="", metavar="NAME", help="who (default: who is logged in here)")

    def handle(self, *args: Any, **options: Any) -> None:
        account, by = account_named(options["account"]), options["by"] or kill_switch.login_name()
        if options["off"]:
            was_armed = arming.disarm(account, by, options["reason"])
            words = "opens no new risk any more" if was_armed else "was not armed"
            self.say(f"{account.name} {words}.", account=account.name, armed=False)
            return
        try:
            arming.arm(account, by)
        except NotAllowed as refused:
            raise CommandError(f"{refused}.") from refused
        self.say(f"{account.name} is armed until the day ends.", account=account.name, armed=True)
