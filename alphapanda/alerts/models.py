"""An alert: one thing that was wrong, from when to when, how often it was said, and who said they know."""

from django.db import models
from django.db.models import Q

from alphapanda.core.ids import new_id


class Alert(models.Model):
    """Times are this machine's, not the market's: they are about people. One row a thing while it is wrong."""

    id = models.UUIDField(primary_key=True, default=new_id, editable=False)
    key = models.CharField(max_length=64)
    words = models.CharField(max_length=300)
    detail = models.TextField(blank=True)
    is_urgent = models.BooleanField()
    opened_at = models.DateTimeField()
    last_seen_at = models.DateTimeField()
    said_at = models.DateTimeField(null=True)
    times_said = models.PositiveIntegerField(default=0)
    # Why the last try to say it failed; empty once it was said.
    trouble = models.CharField(max_length=300, blank=True)
    tried_at = models.DateTimeField(null=True)
    acknowledged_at = models.DateTimeField(null=True)
    acknowledged_by = models.CharField(max_length=100, blank=True)
    ended_at = models.DateTimeField(null=True)

    class Meta:
        ordering = ("-opened_at",)
        constraints = (
            models.UniqueConstraint(fields=("key",), condition=Q(ended_at__isnull=True), name="one_open_alert_a_key"),
        )

    def __str__(self) -> str:
        return self.words
