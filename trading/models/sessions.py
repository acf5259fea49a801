"""A login at the broker, and when it ends."""

from django.db import models

from portfolio.models import Account
from trading.models.columns import id_column


class BrokerSession(models.Model):
    """One account's session. The access token is encrypted with the account's own key, which is not in the database."""

    class State(models.TextChoices):
        LIVE = "live"
        EXPIRED = "expired"
        LOGGED_OUT = "logged_out", "logged out"

    id = id_column()
    account = models.OneToOneField(Account, on_delete=models.CASCADE, related_name="session")
    version = models.PositiveIntegerField(default=0)
    api_key = models.CharField(max_length=64, blank=True)
    user_id = models.CharField(max_length=32, blank=True)
    encrypted_access_token = models.BinaryField(default=b"")
    request_token = models.CharField(max_length=64, blank=True, help_text="arrived by callback, not yet exchanged")
    login_at = models.DateTimeField(null=True)
    expires_at = models.DateTimeField(null=True)
    state = models.CharField(max_length=12, choices=State, default=State.LOGGED_OUT)

    def __str__(self) -> str:
        return f"session of {self.account}: {self.state}"
