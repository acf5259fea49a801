"""Delete what is past its time now, or say what would go."""

from typing import Any

from django.core.management.base import CommandError, CommandParser

from alphapanda.core.commands import Command as BaseCommand
from alphapanda.core.figures import whole
from alphapanda.retention.pruning import is_market_open, note_pruned, prune_tables, rows_past_their_time
from alphapanda.retention.rules import RULES


class Command(BaseCommand):
    help = (
        "Prune by the rules the System page shows, in short transactions, until nothing is past its time. "
        "Exit codes: 0 done, 1 a market is open or somebody else holds rows."
    )

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("--dry-run", action="store_true", help="say what would go, and delete nothing")

    def handle(self, *args: Any, **options: Any) -> None:
        if options["dry_run"]:
            going = rows_past_their_time(RULES)
            self.say(rows=going.total(), of=dict(going))
            for rule in RULES:
                self.say(f"{rule.title}: {whole(going[rule.table])} rows would go. Kept: {rule.words}.")
            return
        if is_market_open():
            raise CommandError(
                "A market is open or about to: pruning waits until it is closed. --dry-run may be asked."
            )
        pruned = prune_tables(RULES)
        self.say(rows=pruned.rows.total(), of=dict(pruned.rows), is_whole=pruned.is_whole)
        for rule in RULES:
            self.say(f"{rule.title}: {whole(pruned.rows[rule.table])} rows went. Kept: {rule.words}.")
        if not pruned.is_whole:
            raise CommandError("Not all went: a market opened, or somebody else holds rows. Ask again later.")
        note_pruned(pruned)
