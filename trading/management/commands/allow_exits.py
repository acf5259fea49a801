"""allow_exits: let exits of one holding go although its broker is seen to hold less than our books."""

from typing import Any

from django.core.management.base import CommandError, CommandParser

from alphapanda.core.commands import WRONG_INPUT
from alphapanda.core.commands import Command as BaseCommand
from portfolio.models import Account
from trading.errors import NotAllowed
from trading.management.commands.kite_login import account_named
from trading.models import BookDifference
from trading.orders import kill_switch
from trading.orders.reconciliation import allow_exits


class Command(BaseCommand):
    help = (
        "Let exits of one holding pass a difference of the books that nothing explains, until it changes or the day "
        "ends. If the broker is right, they sell what is not there and make a short."
    )

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("account", help="name of the account")
        parser.add_argument("instrument", help="NSE:INFY")
        parser.add_argument("product", help="MIS, CNC or NRML")
        parser.add_argument("--by", default="", metavar="NAME", help="who (default: who is logged in here)")

    def handle(self, *args: Any, **options: Any) -> None:
        account = account_named(options["account"])
        row = self._difference(account, options["instrument"].upper(), options["product"].upper())
        try:
            allow_exits(row, options["by"] or kill_switch.login_name())
        except NotAllowed as refused:
            raise CommandError(f"Nothing to allow: {refused}.") from refused
        self.say(f"Exits pass {row}, until it changes or the day ends.", allowed=row.quantity)

    def _difference(self, account: Account, instrument: str, product: str) -> BookDifference:
        exchange, _, symbol = instrument.partition(":")
        rows = BookDifference.objects.filter(account=account)
        row = rows.filter(exchange=exchange, tradingsymbol=symbol, product=product).first()
        if row is None:
            known = "; ".join(str(one) for one in rows.exclude(quantity=0)) or "none"
            words = f"No difference of {instrument} {product} is known. Differences: {known}."
            raise CommandError(words, returncode=WRONG_INPUT)
        return row
