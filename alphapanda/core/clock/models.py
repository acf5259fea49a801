"""What this installation is, fixed at birth, and what the market's clock said last."""

import secrets

from django.db import models

from alphapanda.core.figures import iso
from alphapanda.core.ids import new_id


def new_salt() -> str:
    return secrets.token_hex(16)


class Installation(models.Model):
    """One database, one clock, one kind: practice money and live money never share a database."""

    class Kind(models.TextChoices):
        PRACTICE = "practice"
        LIVE = "live"

    id = models.UUIDField(primary_key=True, default=new_id, editable=False)
    only = models.BooleanField(default=True, editable=False, unique=True)
    kind = models.CharField(max_length=8, choices=Kind)
    # Order tags derive from it, so that two installations on one account never share a tag.
    salt = models.CharField(max_length=32, default=new_salt, editable=False)
    born_at = models.DateTimeField(auto_now_add=True)

    class Meta:
        constraints = [
            models.CheckConstraint(name="one_installation", condition=models.Q(only=True)),
            models.CheckConstraint(name="installation_kind", condition=models.Q(kind__in=["practice", "live"])),
        ]

    def __str__(self) -> str:
        return f"{self.kind} installation born {self.born_at:%d %b %Y}"


class MarketClock(models.Model):
    """Market time as the feed heard it last: it runs on from there at ``rate`` and never goes back."""

    id = models.UUIDField(primary_key=True, default=new_id, editable=False)
    only = models.BooleanField(default=True, editable=False, unique=True)
    market_time = models.DateTimeField()
    wall_time = models.DateTimeField()
    rate = models.FloatField(default=1.0)

    def __str__(self) -> str:
        return f"{iso(self.market_time)} at {self.rate}×"
