"""Trades and money moved: facts that are never edited."""

from __future__ import annotations

from decimal import Decimal

from django.db import models
from django.db.models import CheckConstraint, Q, UniqueConstraint

from instruments.domain.order_terms import PRODUCT_LABELS, Product, choices_from
from portfolio.domain.charges import CHARGE_KINDS, ChargeKind
from portfolio.models.accounts import Account, Portfolio
from portfolio.models.fields import money_column, uuid_key
from portfolio.querysets import LedgerQuerySet, TradeQuerySet


class LedgerKind(models.TextChoices):
    OPENING = "opening", "Opening cash"
    DEPOSIT = "deposit", "Deposit"
    WITHDRAWAL = "withdrawal", "Withdrawal"
    TRADE_VALUE = "trade_value", "Value of a trade"
    BROKERAGE = ChargeKind.BROKERAGE.value, "Brokerage"
    TRANSACTION_TAX = ChargeKind.TRANSACTION_TAX.value, "Securities transaction tax"
    EXCHANGE = ChargeKind.EXCHANGE.value, "Exchange turnover charge"
    SEBI = ChargeKind.SEBI.value, "SEBI turnover charge"
    STAMP_DUTY = ChargeKind.STAMP_DUTY.value, "Stamp duty"
    GST = ChargeKind.GST.value, "GST"
    INVESTOR_PROTECTION = ChargeKind.INVESTOR_PROTECTION.value, "Investor protection fee"
    DP = ChargeKind.DP.value, "DP charge"


class TradeKind(models.TextChoices):
    EXECUTION = "execution", "Execution at the exchange"
    EXPIRY = "expiry", "Settlement at expiry"


class Trade(models.Model):
    """One execution at the exchange, or what an expired contract was settled at.

    Append-only; only unknown charges may be filled in, once.
    """

    id = uuid_key()
    kind = models.CharField(max_length=12, choices=TradeKind, default=TradeKind.EXECUTION)
    account = models.ForeignKey(Account, models.PROTECT, related_name="trades")
    portfolio = models.ForeignKey(Portfolio, models.PROTECT, related_name="trades")
    instrument = models.ForeignKey("instruments.Instrument", models.PROTECT, related_name="+")
    sequence = models.BigIntegerField(help_text="The account's version that booked it.")
    exchange = models.CharField(max_length=8)
    day = models.DateField(help_text="The exchange's trading day, in India.")
    trade_id = models.CharField(max_length=64)
    broker_order_id = models.CharField(max_length=64)
    part = models.PositiveSmallIntegerField(
        default=1, help_text="Of a trade made outside that closes what several portfolios hold: which part, from 1."
    )
    order_tag = models.CharField(max_length=32, blank=True)
    product = models.CharField(max_length=4, choices=choices_from(PRODUCT_LABELS))
    signed_quantity = models.BigIntegerField(help_text="Bought: above zero. Sold: below.")
    price = money_column()
    traded_at = models.DateTimeField()
    booked_at = models.DateTimeField()
    charges = models.DecimalField(
        max_digits=18,
        decimal_places=6,
        null=True,
        help_text="As booked. Empty: no rate is known.",
    )

    objects = TradeQuerySet.as_manager()

    class Meta:
        ordering = ["-sequence"]
        constraints = [
            UniqueConstraint(
                fields=["account", "exchange", "day", "trade_id", "broker_order_id", "part"], name="trade_booked_once"
            ),
            UniqueConstraint(fields=["account", "sequence"], name="trade_sequence_once"),
            CheckConstraint(name="trade_has_quantity", condition=~Q(signed_quantity=0)),
            CheckConstraint(name="trade_kind", condition=Q(kind__in=TradeKind.values)),
            CheckConstraint(name="trade_has_price", condition=Q(price__gt=0) | Q(kind=TradeKind.EXPIRY, price__gte=0)),
            CheckConstraint(name="trade_has_ids", condition=~Q(trade_id="") & ~Q(broker_order_id="")),
            CheckConstraint(name="trade_product", condition=Q(product__in=list(Product))),
            CheckConstraint(name="trade_charges", condition=Q(charges__isnull=True) | Q(charges__gte=0)),
        ]
        indexes = [
            models.Index(fields=["portfolio", "instrument", "product"], name="trade_of_position"),
            models.Index(fields=["account", "day"], name="trade_of_day"),
            models.Index(fields=["account", "broker_order_id"], name="trade_of_order"),
            models.Index(fields=["account"], condition=Q(charges__isnull=True), name="trade_uncharged"),
        ]

    def __str__(self) -> str:
        return f"{self.signed_quantity:+} at {self.price} ({self.trade_id})"

    @property
    def value(self) -> Decimal:
        """Rupees that came in by it: below zero for a purchase."""
        return -self.signed_quantity * Decimal(self.price)

    @property
    def exchange_order(self) -> tuple[object, ...]:
        """Sorts trades as the exchange made them; its clock has whole seconds, its trade ids grow."""
        return self.traded_at, len(self.trade_id), self.trade_id, self.broker_order_id


class Adjustment(models.Model):
    """A split or a bonus issue as an account's books took it in. Append-only; positions are folded with it."""

    id = uuid_key()
    account = models.ForeignKey(Account, models.PROTECT, related_name="adjustments")
    instrument = models.ForeignKey("instruments.Instrument", models.PROTECT, related_name="+")
    action = models.ForeignKey("instruments.CorporateAction", models.PROTECT, related_name="+")
    sequence = models.BigIntegerField(help_text="The account's version that booked it.")
    held = models.PositiveIntegerField()
    becomes = models.PositiveIntegerField(help_text="What became of ``held`` shares.")
    at = models.DateTimeField(help_text="Before the first trade of the ex-date.")
    booked_at = models.DateTimeField()

    class Meta:
        ordering = ["-sequence"]
        constraints = [
            UniqueConstraint(fields=["account", "action"], name="adjustment_booked_once"),
            CheckConstraint(name="adjustment_ratio", condition=Q(held__gt=0, becomes__gt=models.F("held"))),
        ]
        indexes = [models.Index(fields=["account", "instrument"], name="adjustment_of_account")]

    def __str__(self) -> str:
        return f"{self.instrument.key}: {self.held} → {self.becomes} at {self.at}"

    @property
    def exchange_order(self) -> tuple[object, ...]:
        """Sorts it before whatever was traded from its moment on."""
        return self.at, 0, "", ""


class LedgerEntry(models.Model):
    """Money in (above zero) or out (below). Append-only: cash is the sum of an account's entries."""

    id = uuid_key()
    account = models.ForeignKey(Account, models.PROTECT, related_name="ledger")
    portfolio = models.ForeignKey(Portfolio, models.PROTECT, null=True, related_name="ledger")
    trade = models.ForeignKey(Trade, models.PROTECT, null=True, related_name="entries")
    kind = models.CharField(max_length=24, choices=LedgerKind)
    amount = money_column(help_text="Trade values are exact; charges are rounded to the paisa.")
    day = models.DateField()
    at = models.DateTimeField()
    key = models.CharField(max_length=160, help_text="Says what it books, once per account.")
    note = models.CharField(max_length=200, blank=True)

    objects = LedgerQuerySet.as_manager()

    class Meta:
        ordering = ["-at", "-id"]
        verbose_name_plural = "ledger entries"
        constraints = [
            UniqueConstraint(fields=["account", "key"], name="ledger_key_once"),
            CheckConstraint(name="ledger_kind", condition=Q(kind__in=LedgerKind.values)),
            CheckConstraint(
                name="ledger_sign",
                condition=Q(kind__in=[LedgerKind.OPENING, LedgerKind.DEPOSIT], amount__gt=0)
                | Q(kind=LedgerKind.WITHDRAWAL, amount__lt=0)
                # A charge comes back where a later trade of the day changes what the earlier one was.
                | Q(kind__in=[LedgerKind.TRADE_VALUE, *CHARGE_KINDS]) & ~Q(amount=0),
            ),
        ]
        indexes = [
            models.Index(fields=["account", "-at"], name="ledger_of_account"),
            models.Index(fields=["portfolio", "day"], name="ledger_of_portfolio"),
        ]

    def __str__(self) -> str:
        return f"{self.get_kind_display()} {self.amount}"
