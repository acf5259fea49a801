"""Open what `halt` closed, and say what still stands."""

from typing import Any

from django.core.management.base import CommandError, CommandParser
from django.db import DatabaseError

from alphapanda.core.commands import WRONG_INPUT
from alphapanda.core.commands import Command as BaseCommand
from portfolio.models import Account
from trading.management.commands.halt import first_line
from trading.orders import kill_switch
from trading.orders.gates import flag_file
from trading.orders.life_cycle import GateState


class Command(BaseCommand):
    help = (
        "Open the global gate, or one account's, and remove the flag file. Deployments that were paused stay paused. "
        "Exit codes: 0 open, 1 refused, 2 wrong input."
    )

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("--account", metavar="NAME", help="only this account's gate; the flag file is left alone")
        parser.add_argument("--reason", default="", metavar="TEXT", help="why it may go on")
        parser.add_argument("--by", default="", metavar="NAME", help="who (default: who is logged in here)")

    def handle(self, *args: Any, **options: Any) -> None:
        by = options["by"] or kill_switch.login_name()
        try:
            account = self._account(options["account"])
            kill_switch.close_gate(account, GateState.ACTIVE, by, options["reason"][:300])
        except DatabaseError as error:
            self.say(open=False)
            raise CommandError(f"The rows could not be written, so the flag stays: {first_line(error)}.") from error
        if account is None:
            self._lower_flag()
        self._say_result(account)

    def _account(self, name: str | None) -> Account | None:
        if name is None:
            return None
        account = Account.objects.filter(name=name).first()
        if account is None:
            raise CommandError(f"There is no account {name!r}.", returncode=WRONG_INPUT)
        return account

    def _lower_flag(self) -> None:
        said = kill_switch.flag_words()
        try:
            if kill_switch.lower_flag():
                self.say(f"The flag file is removed. It said: {said}")
        except OSError as error:
            self.say(open=False)
            raise CommandError(
                f"{flag_file()} cannot be removed: {error.strerror}. It still halts everything."
            ) from error

    def _say_result(self, account: Account | None) -> None:
        standing = kill_switch.gates_as_they_stand()
        self.say(gates=standing, flag=flag_file().exists())
        for gate in standing:
            self.say(f"{gate['gate']}: {gate['state'].replace('_', ' ')}{told_by(gate)}")
        if flag_file().exists():
            self.say(open=False)
            raise CommandError(f"{flag_file()} stands and halts everything: run resume without --account.")
        whose = str(account) if account else "everything"
        blocked = [gate for gate in standing if gate["state"] != GateState.ACTIVE and self._concerns(gate, account)]
        self.say(f"Orders of {whose} may leave." if not blocked else "", open=not blocked)
        if blocked:
            closed = ", ".join(gate["gate"] for gate in blocked)
            self.say(f"Still closed: {closed}. Each is opened by name.")

    @staticmethod
    def _concerns(gate: dict[str, Any], account: Account | None) -> bool:
        return account is None or gate["gate"] in ("everything", account.name)


def told_by(gate: dict[str, Any]) -> str:
    by = f", by {gate['by']}" if gate["by"] else ""
    return f"{by}: {gate['reason']}" if gate["reason"] else by
