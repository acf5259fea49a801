"""What a token for scripts may do; knox keeps its hash and its end."""

from django.db import models
from knox.models import AuthToken

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
    created_at = models.DateTimeField(auto_now_add=True)

    class Meta:
        ordering = ["-id"]

    def __str__(self) -> str:
        return f"{self.name} ({self.scope})"

    def allows(self, needed: str) -> bool:
        """Whether its scope reaches ``needed``: each scope includes those before it."""
        scopes = self.Scope.values
        return scopes.index(self.scope) >= scopes.index(needed)
