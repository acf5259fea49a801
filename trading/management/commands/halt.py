"""Stop new orders: a flag file first, which needs no server, then the gates' rows."""

from typing import Any

from django.conf import settings
from django.core.management.base import CommandError, CommandParser
from django.db import DatabaseError

from alphapanda.core.commands import WRONG_INPUT
from alphapanda.core.commands import Command as BaseCommand
from portfolio.models import Account
from trading.models import Gate, Order
from trading.orders import kill_switch
from trading.orders.life_cycle import GateState


class Command(BaseCommand):
    help = (
        "Refuse every new order. Without --account and --reduce-only a flag file in the state folder is written "
        "first: it halts everything even while PostgreSQL, Valkey, Celery and the web server are down. Exits, fills "
        "and reconciliation go on. Exit codes: 0 the halt stands, 1 it does not, 2 wrong input."
    )

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("--account", metavar="NAME", help="only this account (default: everything)")
        parser.add_argument("--reduce-only", action="store_true", help="let orders pass that shrink a position")
        parser.add_argument("--reason", default="", metavar="TEXT", help="why; whoever resumes reads it")
        parser.add_argument("--by", default="", metavar="NAME", help="who (default: who is logged in here)")

    def handle(self, *args: Any, **options: Any) -> None:
        by, reason = options["by"] or kill_switch.login_name(), options["reason"][:300]
        state = GateState.REDUCE_ONLY if options["reduce_only"] else GateState.HALTED
        is_flagged = self._flag(by, reason) if state == GateState.HALTED and not options["account"] else False
        try:
            account = self._account(options["account"])
            on_their_way = kill_switch.close_gate(account, state, by, reason, only_stricter=True)
        except DatabaseError as error:
            self._without_rows(error, is_flagged)
        else:
            self._with_rows(account, on_their_way)

    def _flag(self, by: str, reason: str) -> bool:
        try:
            path = kill_switch.raise_flag(by, reason)
        except OSError as error:
            self.say(f"The flag file could not be written in {settings.STATE_DIR}: {error.strerror}.", flag=False)
            return False
        self.say(f"{path} stands: no order that adds risk is sent from now on.", flag=True, flag_file=str(path))
        return True

    def _account(self, name: str | None) -> Account | None:
        if name is None:
            return None
        account = Account.objects.filter(name=name).first()
        if account is None:
            known = ", ".join(Account.objects.values_list("name", flat=True)) or "none yet"
            raise CommandError(f"There is no account {name!r}. Accounts: {known}.", returncode=WRONG_INPUT)
        return account

    def _without_rows(self, error: DatabaseError, is_flagged: bool) -> None:
        words = f"The rows could not be written: {first_line(error)}."
        if not is_flagged:
            self.say(halted=False, rows=False)
            raise CommandError(f"{words} Nothing is halted by rows; while PostgreSQL is away nothing is sent either.")
        self.say(
            f"{words} The flag alone halts everything. Run halt again once PostgreSQL answers.", halted=True, rows=False
        )

    def _with_rows(self, account: Account | None, on_their_way: list[Order]) -> None:
        gate = Gate.objects.get(account=account)
        why = f": {gate.reason}" if gate.reason else ""
        words = (
            f"The gate of {account or 'everything'} is {gate.state.replace('_', ' ')}, set by {gate.changed_by}{why}."
        )
        self.say(words, halted=True, rows=True, state=gate.state)
        self.say(on_their_way=[kill_switch.facts_of(order) for order in on_their_way])
        if not on_their_way:
            self.say("No order is on its way.")
            return
        self.say(f"Already on their way, and not stopped by this ({len(on_their_way)}):")
        for order in on_their_way:
            self.say(f"  {order}, {order.state.replace('_', ' ')}, filled {order.filled_quantity}")


def first_line(error: Exception) -> str:
    return str(error).strip().partition("\n")[0] or type(error).__name__
