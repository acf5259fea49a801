"""Whose money it is, and which deployment works with it."""

from __future__ import annotations

from datetime import time
from decimal import Decimal

from django.conf import settings
from django.db import models
from django.db.models import CheckConstraint, Q, UniqueConstraint

from portfolio.models.fields import money_column, uuid_key
from portfolio.querysets import AccountQuerySet


class Account(models.Model):
    """One pocket of money at one broker. Broker, mode and opening cash never change: a trigger refuses it."""

    class Broker(models.TextChoices):
        PAPER = "paper", "Paper exchange"
        ZERODHA = "zerodha", "Zerodha"

    class Mode(models.TextChoices):
        PAPER = "paper", "Paper"
        LIVE = "live", "Live"

    id = uuid_key()
    name = models.CharField(max_length=64, unique=True)
    broker = models.CharField(max_length=16, choices=Broker)
    mode = models.CharField(max_length=8, choices=Mode, help_text="Fixed at birth.")
    client_id = models.CharField(max_length=16, blank=True, help_text="The broker's name for it: AB1234.")
    version = models.BigIntegerField(default=0, editable=False, help_text="Raised with each change.")
    opening_cash = money_column(default=Decimal(0), help_text="Rupees at birth; later money comes as deposits.")
    cash = money_column(
        default=Decimal(0), editable=False, help_text="The sum of its ledger, kept with each entry by booking.py."
    )
    intraday_multiple = models.DecimalField(
        max_digits=6, decimal_places=2, default=Decimal(5), help_text="Intraday shares cost value ÷ this."
    )
    derivative_margin_percent = models.DecimalField(
        max_digits=6,
        decimal_places=2,
        null=True,
        blank=True,
        default=Decimal(20),
        help_text="Of the notional, for futures and sold options. Empty: such orders have no margin model.",
    )
    flat_by = models.TimeField(
        default=time(15, 5),
        null=True,
        blank=True,
        help_text="IST. Intraday positions by hand are left then. Empty: they are only warned of, and the broker "
        "squares them off at its own time and price.",
    )
    is_active = models.BooleanField(default=True)
    owners = models.ManyToManyField(
        settings.AUTH_USER_MODEL, blank=True, related_name="owned_accounts", help_text="Who may trade on it."
    )
    opened_at = models.DateTimeField(editable=False)

    objects = AccountQuerySet.as_manager()

    class Meta:
        ordering = ["name"]
        # The rights of people (alphapanda/core/roles.py). Money is what they are about, so they stand here.
        permissions = [
            ("look", "May see pages, prices, orders and books"),
            ("halt", "May halt, cancel and leave positions"),
            ("trade", "May place orders and run strategies"),
            ("ease", "May open a gate that was closed"),
            ("operate", "May decide about work that was given up"),
            ("watch_logs", "May watch the processes' log lines"),
            ("every_account", "May act on accounts of others"),
        ]
        constraints = [
            CheckConstraint(
                name="account_paper_only_on_paper",
                condition=Q(mode="paper", broker="paper") | Q(mode="live", broker="zerodha"),
                violation_error_message="Paper accounts trade on the paper exchange, live ones at Zerodha.",
            ),
            CheckConstraint(name="account_opening_cash", condition=Q(opening_cash__gte=0)),
            CheckConstraint(name="account_version", condition=Q(version__gte=0)),
            CheckConstraint(
                name="account_intraday_multiple",
                condition=Q(intraday_multiple__gte=1, intraday_multiple__lte=100),
                violation_error_message="The intraday multiple lies between 1 (full cash) and 100.",
            ),
            CheckConstraint(
                name="account_derivative_margin",
                condition=Q(derivative_margin_percent__isnull=True)
                | Q(derivative_margin_percent__gt=0, derivative_margin_percent__lte=100),
                violation_error_message="The margin is more than 0 and at most 100 percent of the notional.",
            ),
            UniqueConstraint(
                fields=["broker", "client_id"],
                condition=~Q(client_id=""),
                name="account_client_once",
                violation_error_message="This broker account is linked already.",
            ),
        ]

    def __str__(self) -> str:
        return f"{self.name} ({self.mode})"


class Portfolio(models.Model):
    """One deployment's books in an account; the one without a deployment holds trades made by hand."""

    id = uuid_key()
    account = models.ForeignKey(Account, models.PROTECT, related_name="portfolios")
    deployment_id = models.UUIDField(null=True, blank=True, editable=False)
    name = models.CharField(max_length=128, blank=True)

    class Meta:
        constraints = [
            UniqueConstraint(
                fields=["account", "deployment_id"],
                nulls_distinct=False,
                name="portfolio_once_per_deployment",
            ),
            # Lets trades and ledger rows prove that their portfolio belongs to their account.
            UniqueConstraint(fields=["id", "account"], name="portfolio_with_account"),
        ]

    def __str__(self) -> str:
        return self.name or "by hand"
