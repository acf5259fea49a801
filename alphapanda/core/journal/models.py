"""What happened, written with the change it tells of; and the work that was given up, kept until somebody decides."""

from django.db import models

from alphapanda.core.ids import new_id


class Event(models.Model):
    """One thing that happened. Append-only: a trigger refuses changes."""

    id = models.UUIDField(primary_key=True, default=new_id, editable=False)
    kind = models.CharField(max_length=64, help_text="order.filled, deployment.paused, …")
    account_id = models.UUIDField(null=True)
    key = models.CharField(max_length=128, help_text="what it is about: an order tag, a deployment's id")
    correlation = models.UUIDField(null=True, help_text="the story it belongs to: the signal's id")
    causation = models.UUIDField(null=True, help_text="the event or row that caused it")
    payload = models.JSONField(default=dict)
    market_time = models.DateTimeField()
    written_at = models.DateTimeField(auto_now_add=True)

    class Meta:
        indexes = [
            models.Index(fields=["-written_at"], name="event_written"),
            models.Index(fields=["correlation"], name="event_correlation"),
            models.Index(fields=["kind", "-written_at"], name="event_kind"),
        ]

    def __str__(self) -> str:
        return f"{self.kind} {self.key}"


class DeadLetter(models.Model):
    """Work that failed three times: what it was, why it failed, and what was decided about it."""

    class State(models.TextChoices):
        OPEN = "open"
        REPLAYED = "replayed"
        DROPPED = "dropped"

    id = models.UUIDField(primary_key=True, default=new_id, editable=False)
    task = models.CharField(max_length=64, help_text="the stage that gave up: assess_signals, execute_orders, …")
    partition = models.CharField(max_length=64, help_text="the shard or account it belongs to")
    key = models.CharField(max_length=128, help_text="the row: a signal's or order's id")
    payload = models.JSONField(default=dict)
    attempts = models.PositiveIntegerField()
    error = models.TextField()
    state = models.CharField(max_length=8, choices=State, default=State.OPEN)
    decided_by = models.CharField(max_length=150, blank=True)
    created_at = models.DateTimeField(auto_now_add=True)
    decided_at = models.DateTimeField(null=True)

    class Meta:
        ordering = ["-created_at"]
        constraints = [
            models.UniqueConstraint(
                fields=["task", "key"], condition=models.Q(state="open"), name="one_open_dead_letter_per_row"
            )
        ]

    def __str__(self) -> str:
        return f"{self.task} {self.key}"
