"""What a token for scripts may do; knox keeps its hash and its end."""

from typing import Any

from django.db import models, transaction
from django.utils.crypto import constant_time_compare
from knox.models import AuthToken

from alphapanda.core.journal.services import record_event
from trading.models.columns import id_column


class ApiToken(models.Model):
    """A named token and its scope. The token itself is shown once and kept nowhere."""

    class Scope(models.TextChoices):
        READ = "read", "read: look, change nothing"
        HALT = "halt", "halt: read, and make things safer (halt, reduce only, pause, cancel)"
        TRADE = "trade", "trade: halt, and all else (orders, deployments, resume)"

    id = id_column()
    token = models.OneToOneField(AuthToken, on_delete=models.CASCADE, related_name="grant")
    name = models.CharField(max_length=64, help_text="what it is for; named wherever the token acts")
    scope = models.CharField(max_length=5, choices=Scope, default=Scope.READ)
    password_mark = models.CharField(
        max_length=64, default="", editable=False, help_text="Of the password it was made under, as sessions keep it."
    )
    created_at = models.DateTimeField(auto_now_add=True)

    class Meta:
        ordering = ["-id"]

    def __str__(self) -> str:
        return f"{self.name} ({self.scope})"

    def allows(self, needed: str) -> bool:
        """Whether its scope reaches ``needed``: each scope includes those before it."""
        scopes = self.Scope.values
        return scopes.index(self.scope) >= scopes.index(needed)

    def lives_with(self, user: Any) -> bool:
        """Whether its owner is active and has the password it was made under."""
        return user.is_active and constant_time_compare(self.password_mark, user.get_session_auth_hash())


def end_tokens(instance: Any, update_fields: Any = None, **_: Any) -> None:
    """Take the tokens from a person who was saved with another password, or was made inactive (a signal's receiver)."""
    if update_fields and not {"password", "is_active"} & set(update_fields):
        return
    tokens = ApiToken.objects.filter(token__user=instance.pk).select_related("token")
    why = "the password was changed" if instance.is_active else "the account was made inactive"
    for ended in [each for each in tokens if not each.lives_with(instance)]:
        payload = {"name": ended.name, "by": instance.get_username(), "why": why}
        with transaction.atomic():
            record_event("token.ended", key=str(ended.pk), payload=payload)
            ended.token.delete()
