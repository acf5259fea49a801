"""A way in that works once: the link the demo prints."""

from django.conf import settings
from django.db import models

from alphapanda.core.figures import clock_minute, long_date
from alphapanda.core.ids import new_id


class SignInLink(models.Model):
    """Only the hash of the token is kept; who holds the token may sign in once, until it expires."""

    id = models.UUIDField(primary_key=True, default=new_id, editable=False)
    user = models.ForeignKey(settings.AUTH_USER_MODEL, on_delete=models.CASCADE, related_name="+")
    token_hash = models.CharField(max_length=64, unique=True)
    expires_at = models.DateTimeField()
    used_at = models.DateTimeField(null=True)

    def __str__(self) -> str:
        return f"link for {self.user}, until {long_date(self.expires_at)} {clock_minute(self.expires_at)}"
