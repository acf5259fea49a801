"""Leave every position: let only exits through, take every entry back, and follow each exit up until it is flat."""

import time
from datetime import datetime
from typing import Any

from django.core.management.base import CommandError, CommandParser
from django.db import DatabaseError

from alphapanda.core.clock import market_now
from alphapanda.core.clock.market_time import wall_now
from alphapanda.core.commands import WRONG_INPUT
from alphapanda.core.commands import Command as BaseCommand
from alphapanda.core.figures import counted
from portfolio.models import Account
from trading.exits.opening import exit_and_stop, exit_deployment, flatten
from trading.management.commands.halt import first_line
from trading.models import Deployment, ExitPlan
from trading.orders import kill_switch
from trading.orders.flatness import flatness_of

LOOK_SECONDS = 0.5


class Command(BaseCommand):
    help = (
        "Leave all that is held: everything, one account's, or one deployment's. The exits are written here and worked "
        "by the workers until flat; a halt that stands is kept, since exits pass it. Orders at a broker that are not "
        "ours are cancelled with it. Exit codes: 0 asked, 1 not asked, or with --wait not proven flat, 2 wrong input."
    )

    def add_arguments(self, parser: CommandParser) -> None:
        whose = parser.add_mutually_exclusive_group()
        whose.add_argument("--account", metavar="NAME", help="only this account (default: everything)")
        whose.add_argument("--deployment", metavar="NAME", help="only this deployment, whatever its state")
        parser.add_argument("--stop", action="store_true", help="with --deployment: end its run once it is flat")
        parser.add_argument("--reason", default="", metavar="TEXT", help="why")
        parser.add_argument(
            "--wait", type=float, metavar="SECONDS", help="wait at most so long until every account is proven flat"
        )
        parser.add_argument("--by", default="", metavar="NAME", help="who (default: who is logged in here)")

    def handle(self, *args: Any, **options: Any) -> None:
        by = options["by"] or kill_switch.login_name()
        if options["stop"] and not options["deployment"]:
            raise CommandError("--stop ends a deployment's run: name it with --deployment.", returncode=WRONG_INPUT)
        asked_at = wall_now()
        try:
            plans = self._ask(options, by)
        except DatabaseError as error:
            self.say(asked=False)
            raise CommandError(f"Nothing was asked: {first_line(error)}.") from error
        self.say(f"Leaving {counted(len(plans), 'position')}." if plans else "Nothing is held.", asked=len(plans))
        for plan in plans:
            self.say(f"  {plan.side.lower()} {plan.instrument.key} {plan.product}")
        if options["wait"] is not None:
            self._await_proof(options, asked_at)

    def _await_proof(self, options: dict[str, Any], asked_at: datetime) -> None:
        """Say how each account stands, by its broker's own book as read since it was asked, or raise CommandError."""
        chosen = {"name": options["account"]} if options["account"] else {}
        accounts = list(Account.objects.active().filter(**chosen).order_by("name"))
        deadline = time.monotonic() + options["wait"]
        while True:
            found = [flatness_of(account, market_now(), asked_at) for account in accounts]
            is_flat = all(one.is_flat for one in found)
            if is_flat or time.monotonic() >= deadline:
                break
            time.sleep(LOOK_SECONDS)
        words = "; ".join(f"{account.name}: {one.words}" for account, one in zip(accounts, found, strict=True))
        if not is_flat:
            self.say(flat=False)
            raise CommandError(f"Not proven flat after {options['wait']:.0f} s. {words}.")
        self.say(f"{words}.", flat=True)

    def _ask(self, options: dict[str, Any], by: str) -> list[ExitPlan]:
        if options["deployment"]:
            deployment = self._named(Deployment, options["deployment"])
            return exit_and_stop(deployment, by) if options["stop"] else exit_deployment(deployment, by)
        account = self._named(Account, options["account"]) if options["account"] else None
        return flatten(account, by, options["reason"][:300])

    def _named(self, model: Any, name: str) -> Any:
        found = model.objects.filter(name=name).first()
        if found is None:
            known = ", ".join(model.objects.values_list("name", flat=True)) or "none yet"
            words = f"There is no {model._meta.verbose_name} {name!r}. There are: {known}."
            raise CommandError(words, returncode=WRONG_INPUT)
        return found
