"""The gate: whether orders may leave, for everything and for each account."""

from django.db import models

from portfolio.models import Account
from trading.models.columns import choices_of, id_column
from trading.orders.life_cycle import GateState


class Gate(models.Model):
    """No account: the gate of the whole installation. The stricter of the two holds."""

    id = id_column()
    account = models.OneToOneField(Account, null=True, blank=True, on_delete=models.CASCADE, related_name="gate")
    is_global = models.BooleanField(default=False)
    state = models.CharField(max_length=12, choices=choices_of(GateState), default=GateState.ACTIVE)
    reason = models.CharField(max_length=300, blank=True)
    changed_by = models.CharField(max_length=150, blank=True)
    changed_at = models.DateTimeField(null=True, help_text="market time")

    class Meta:
        constraints = [
            models.UniqueConstraint(fields=["is_global"], condition=models.Q(is_global=True), name="one_global_gate"),
            models.CheckConstraint(
                name="gate_is_global_or_an_accounts",
                condition=models.Q(is_global=True, account__isnull=True)
                | models.Q(is_global=False, account__isnull=False),
            ),
        ]

    def __str__(self) -> str:
        return f"gate of {self.account or 'everything'}: {self.state}"
