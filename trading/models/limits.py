"""Limits of an account, and of one deployment within it."""

from django.core.exceptions import ValidationError
from django.db import models

from portfolio.models import Account
from trading.models.columns import id_column, price_column
from trading.models.strategies import Deployment


class RiskLimit(models.Model):
    """What an account, or one deployment on it, may do at the most. Empty: no limit of this kind here."""

    id = id_column()
    account = models.ForeignKey(Account, on_delete=models.CASCADE, related_name="limits")
    deployment = models.ForeignKey(
        Deployment,
        null=True,
        blank=True,
        on_delete=models.CASCADE,
        related_name="limits",
        help_text="empty: the account",
    )
    max_order_value = price_column(null=True, blank=True, help_text="₹ an order")
    max_quantity = models.PositiveIntegerField(null=True, blank=True, help_text="units an order")
    max_position = models.PositiveIntegerField(null=True, blank=True, help_text="units of one instrument")
    max_gross = price_column(null=True, blank=True, help_text="₹ of all positions and working orders")
    max_net = price_column(null=True, blank=True, help_text="₹ long less short")
    max_open_orders = models.PositiveIntegerField(null=True, blank=True)
    max_orders_minute = models.PositiveIntegerField(null=True, blank=True)
    max_orders_day = models.PositiveIntegerField(null=True, blank=True)
    max_daily_loss = price_column(null=True, blank=True, help_text="₹ booked and open, after charges")
    # Both defaults are our own choice. Older than a liquid share's next few ticks is not what was decided on, and
    # further from last than it moves in that time is more likely a slip of the finger than meant.
    price_collar_percent = models.DecimalField(max_digits=5, decimal_places=2, default=2, help_text="from last price")
    max_quote_age_seconds = models.PositiveIntegerField(default=10, help_text="market seconds")

    # What closes a live account's gate (trading/orders/breaker.py). Both defaults are our own choice.
    max_refusals_minute = models.PositiveSmallIntegerField(
        default=5, help_text="orders refused by the broker within a minute; more closes a live account's gate"
    )
    max_round_trips_minute = models.PositiveSmallIntegerField(
        default=10, help_text="positions opened and closed within a minute; more closes a live account's gate"
    )
    max_turnover_day = price_column(
        null=True, blank=True, help_text="₹ bought and sold in a day; more closes a live account's gate"
    )

    class Meta:
        constraints = [
            models.UniqueConstraint(fields=["account", "deployment"], name="one_limit_row", nulls_distinct=False)
        ]

    def __str__(self) -> str:
        return f"limits of {self.deployment or self.account}"

    def clean(self) -> None:
        if self.deployment and self.deployment.account_id != self.account_id:
            raise ValidationError({"deployment": f"{self.deployment} is not on {self.account}."})
        if self.price_collar_percent is not None and not 0 < self.price_collar_percent <= 20:
            raise ValidationError(
                {"price_collar_percent": "Between 0 and 20 percent; exchanges' own bands are 20 at most."}
            )
