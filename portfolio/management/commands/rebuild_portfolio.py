"""Work the books out anew from the trades and say where they differ from what stands."""

from __future__ import annotations

from dataclasses import asdict
from typing import Any

from django.core.management.base import CommandError, CommandParser

from alphapanda.core.commands import Command as BaseCommand
from portfolio.booking import charge_uncharged
from portfolio.models import Account
from portfolio.rebuilding import rebuild_account


class Command(BaseCommand):
    help = "Rebuild positions, lots, ledger and charges from the trades and compare. Exit code 1: they differ."

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("--account", help="the account's name; all accounts if left out")
        parser.add_argument(
            "--fix", action="store_true", help="write positions and lots anew, and settle charges now known"
        )

    def handle(self, *args: Any, account: str | None, fix: bool, **options: Any) -> None:
        accounts = self.accounts(account)
        with self.progress() as bar:
            reports = [self.report(each, fix) for each in bar.track(accounts, description="rebuilding")]
        differing = sum(bool(report["differences"]) for report in reports)
        self.say(accounts=reports, differing=differing)
        if differing:
            raise CommandError(f"the books of {differing} of {len(reports)} accounts differ from their trades")

    def accounts(self, name: str | None) -> list[Account]:
        if name is None:
            return list(Account.objects.all())
        if not (found := list(Account.objects.filter(name=name))):
            raise CommandError(f"there is no account named {name}", returncode=2)
        return found

    def report(self, account: Account, fix: bool) -> dict[str, Any]:
        repaired = repair_account(account) if fix else []
        differences = rebuild_account(account)
        for difference in repaired:
            self.say(f"{account.name}: put right {difference}")
        for difference in differences:
            self.say(f"{account.name}: {difference}")
        if not differences:
            self.say(f"{account.name}: {account.trades.count()} trades, and the books are what they say")
        return {
            "account": account.name,
            "trades": account.trades.count(),
            "repaired": [asdict(difference) for difference in repaired],
            "differences": [asdict(difference) for difference in differences],
        }


def repair_account(account: Account) -> list[Any]:
    """Settle what can be charged now and write derived rows anew; return what was wrong and is derived."""
    charge_uncharged(account)
    return [difference for difference in rebuild_account(account, fix=True) if difference.is_derived]
