"""List, show, replay and drop work that was given up after three attempts."""

from collections.abc import Callable
from typing import Any
from uuid import UUID

from django.core.management.base import CommandError, CommandParser

from alphapanda.core.commands import WRONG_INPUT
from alphapanda.core.commands import Command as BaseCommand
from alphapanda.core.figures import iso
from alphapanda.core.journal import services
from alphapanda.core.journal.models import DeadLetter
from trading import replays
from trading.orders import kill_switch

# Imported so that every stage has said how it is replayed.
STAGES = replays.__all__
DECISIONS = {"replay": services.replay_dead_letter, "drop": services.drop_dead_letter}


class Command(BaseCommand):
    help = (
        "List what was given up (`list`), show one with its error (`show ID`), do the work again (`replay ID…`) or "
        "leave it undone (`drop ID…`). Exit codes: 0 done, 1 refused, 2 wrong input."
    )

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("act", choices=["list", "show", "replay", "drop"])
        parser.add_argument("ids", nargs="*", metavar="ID")
        parser.add_argument("--all", action="store_true", help="list: decided ones too; replay, drop: every open one")
        parser.add_argument("--by", default="", metavar="NAME", help="who decides (default: who is logged in here)")

    def handle(self, *args: Any, **options: Any) -> None:
        by = options["by"] or kill_switch.login_name()
        act, ids, every = options["act"], options["ids"], options["all"]
        if act == "list":
            self._list(every)
        elif act == "show":
            self._show(self._chosen(ids, every=False))
        else:
            self._decide(act, self._chosen(ids, every=every), by)

    def _list(self, every: bool) -> None:
        letters = DeadLetter.objects.all() if every else open_letters()
        self.say(dead_letters=[facts_of(letter) for letter in letters])
        for letter in letters:
            state = "" if letter.state == DeadLetter.State.OPEN else f" ({letter.state} by {letter.decided_by})"
            self.say(f"{letter.pk}  {letter.created_at:%d %b %H:%M} UTC  {letter.task}  {what_of(letter)}{state}")
            self.say(f"    {last_line(letter)}")
        if not letters:
            self.say("No dead letter: no work has been given up." if every else "No open dead letter.")

    def _show(self, letters: list[DeadLetter]) -> None:
        self.say(dead_letters=[facts_of(letter) | {"error": letter.error} for letter in letters])
        for letter in letters:
            self.say(f"{letter.task}: {what_of(letter)}\nof {letter.partition}, {letter.attempts} attempts")
            self.say(f"{letter.state}{f' by {letter.decided_by}' if letter.decided_by else ''}\n{letter.error}")

    def _chosen(self, ids: list[str], *, every: bool) -> list[DeadLetter]:
        if every:
            return list(open_letters())
        if not ids:
            raise CommandError("Name the dead letters by their ids; `dead_letters list` shows them.", returncode=2)
        return [letter_of(text) for text in ids]

    def _decide(self, act: str, letters: list[DeadLetter], by: str) -> None:
        decide: Callable[[DeadLetter, str], None] = DECISIONS[act]
        refused: dict[str, str] = {}
        for letter in letters:
            try:
                decide(letter, by)
            except services.CannotDecide as problem:
                refused[str(letter.pk)] = str(problem)
                self.say(f"{letter.pk}: refused, {problem}.")
            else:
                self.say(f"{letter.pk}: {'to be done again' if act == 'replay' else 'dropped'}.")
        self.say("" if letters else "No open dead letter.", done=len(letters) - len(refused), refused=refused)
        if refused:
            raise CommandError(f"{len(refused)} of {len(letters)} were refused.")


def open_letters() -> Any:
    return DeadLetter.objects.filter(state=DeadLetter.State.OPEN)


def letter_of(text: str) -> DeadLetter:
    """Raises CommandError with code 2 for what is no id, or nobody's."""
    try:
        return DeadLetter.objects.get(pk=UUID(text))
    except (ValueError, DeadLetter.DoesNotExist):
        raise CommandError(f"There is no dead letter {text!r}.", returncode=WRONG_INPUT) from None


def what_of(letter: DeadLetter) -> str:
    return str(letter.payload.get("row") or letter.key)


def last_line(letter: DeadLetter) -> str:
    return letter.error.strip().rpartition("\n")[2][:200]


def facts_of(letter: DeadLetter) -> dict[str, Any]:
    return {
        "id": str(letter.pk),
        "task": letter.task,
        "partition": letter.partition,
        "what": what_of(letter),
        "attempts": letter.attempts,
        "last_line": last_line(letter),
        "state": letter.state,
        "created_at": iso(letter.created_at),
        "decided_by": letter.decided_by,
    }
