"""second_factor: show what a person signs in with, or take a lost second factor away."""

from typing import Any

from allauth.mfa.models import Authenticator
from allauth.usersessions.models import UserSession
from django.contrib.auth import get_user_model
from django.core.management.base import CommandError, CommandParser
from django.db import transaction

from alphapanda.core.commands import Command as BaseCommand
from alphapanda.core.journal.services import record_event
from alphapanda.signing_in import FACTORS


class Command(BaseCommand):
    help = "Show a person's second factors; with --remove, take them away and end the person's sessions."

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("name", help="the name the person signs in by")
        parser.add_argument("--remove", action="store_true", help="they lost it: let the password alone let them in")

    def handle(self, *args: Any, **options: Any) -> None:
        user = get_user_model()._default_manager.filter(username=options["name"]).first()
        if user is None:
            raise CommandError(f"Nobody is called {options['name']!r}.")
        rows = Authenticator.objects.filter(user=user.pk).order_by("pk")
        factors = [FACTORS[row.type] for row in rows]
        name = user.get_username()
        if not options["remove"]:
            self.say(f"{name}: {', '.join(factors) or 'no second factor'}.", name=name, factors=factors)
            return
        if not factors:
            raise CommandError(f"{name} has no second factor.")
        self._remove(user, factors)
        self.say(f"{name} signs in by password alone now: {', '.join(factors)} removed.", name=name, removed=factors)

    @transaction.atomic
    def _remove(self, user: Any, factors: list[str]) -> None:
        Authenticator.objects.filter(user=user.pk).delete()
        for session in UserSession.objects.filter(user=user.pk):
            session.end()
        name, what = user.get_username(), ", ".join(factors)
        payload = {"by": name, "what": f"{what} (by command)"}
        record_event("person.factor_removed", key=name[:128], payload=payload)
