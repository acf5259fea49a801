"""Positions and their lots: derived from trades, and rebuilt from them at any time."""

from __future__ import annotations

from decimal import Decimal

from django.db import models
from django.db.models import CheckConstraint, Q, UniqueConstraint

from instruments.domain.order_terms import PRODUCT_LABELS, Product, choices_from
from portfolio.models.accounts import Portfolio
from portfolio.models.facts import Adjustment, Trade
from portfolio.models.fields import money_column, uuid_key
from portfolio.querysets import LotQuerySet, PositionQuerySet, RealisationQuerySet


class Position(models.Model):
    """What a portfolio holds of an instrument and product: derived from its trades, rebuildable."""

    id = uuid_key()
    portfolio = models.ForeignKey(Portfolio, models.PROTECT, related_name="positions")
    instrument = models.ForeignKey("instruments.Instrument", models.PROTECT, related_name="+")
    product = models.CharField(max_length=4, choices=choices_from(PRODUCT_LABELS))
    quantity = models.BigIntegerField(default=0)
    open_value = models.DecimalField(
        max_digits=20,
        decimal_places=4,
        default=Decimal(0),
        help_text="Σ quantity × price of its open lots.",
    )
    average_price = money_column(null=True, help_text="Of the open lots, to 4 places. Empty when flat.")
    realised = money_column(default=Decimal(0), help_text="Since the beginning, before charges.")
    opened_at = models.DateTimeField(null=True, help_text="When it last left zero. Empty when flat.")
    lots_opened = models.IntegerField(default=0)
    last_trade = models.ForeignKey(Trade, models.PROTECT, null=True, related_name="+")

    objects = PositionQuerySet.as_manager()

    class Meta:
        ordering = ["portfolio_id", "instrument", "product"]
        constraints = [
            UniqueConstraint(fields=["portfolio", "instrument", "product"], name="position_once"),
            CheckConstraint(name="position_product", condition=Q(product__in=list(Product))),
            CheckConstraint(
                name="position_flat_or_priced",
                condition=Q(quantity=0, open_value=0, average_price__isnull=True, opened_at__isnull=True)
                | Q(quantity__gt=0, open_value__gt=0, average_price__gt=0, opened_at__isnull=False)
                | Q(quantity__lt=0, open_value__lt=0, average_price__gt=0, opened_at__isnull=False),
            ),
        ]
        indexes = [models.Index(fields=["portfolio"], condition=~Q(quantity=0), name="position_open")]

    def __str__(self) -> str:
        return f"{self.quantity:+} {self.instrument} {self.product}"


class Lot(models.Model):
    """What one trade opened and later trades have not closed yet, first in, first out. Derived.

    A split or a bonus issue closes a lot without a trade and opens one, or two at neighbouring prices, in its place.
    """

    id = uuid_key()
    position = models.ForeignKey(Position, models.CASCADE, related_name="lots")
    trade = models.ForeignKey(Trade, models.PROTECT, related_name="+")
    adjustment = models.ForeignKey(Adjustment, models.PROTECT, null=True, related_name="+")
    piece = models.SmallIntegerField(default=0, help_text="Tells apart two that an adjustment made of one.")
    ordinal = models.IntegerField(help_text="The order in which lots close.")
    quantity = models.BigIntegerField(help_text="As opened; signed.")
    remaining = models.BigIntegerField(help_text="Still open; signed.")
    price = money_column()
    day = models.DateField()

    objects = LotQuerySet.as_manager()

    class Meta:
        ordering = ["position_id", "ordinal"]
        constraints = [
            UniqueConstraint(fields=["position", "ordinal"], name="lot_ordinal_once"),
            UniqueConstraint(
                fields=["position", "trade", "adjustment", "piece"], nulls_distinct=False, name="lot_once_per_trade"
            ),
            CheckConstraint(name="lot_price", condition=Q(price__gt=0)),
            CheckConstraint(
                name="lot_remaining_within",
                condition=Q(quantity__gt=0, remaining__gte=0, remaining__lte=models.F("quantity"))
                | Q(quantity__lt=0, remaining__lte=0, remaining__gte=models.F("quantity")),
            ),
        ]
        indexes = [models.Index(fields=["position", "ordinal"], condition=~Q(remaining=0), name="lot_open")]

    def __str__(self) -> str:
        return f"{self.remaining:+} of {self.quantity:+} at {self.price}"


class Realisation(models.Model):
    """A piece of a lot closed by a trade, and what it made before charges. Derived."""

    id = uuid_key()
    lot = models.ForeignKey(Lot, models.CASCADE, related_name="realisations")
    trade = models.ForeignKey(Trade, models.PROTECT, related_name="+")
    quantity = models.BigIntegerField(help_text="Closed; signed as the lot was.")
    price = money_column(help_text="At which it was closed.")
    realised = money_column()
    day = models.DateField(help_text="Of the closing trade.")

    objects = RealisationQuerySet.as_manager()

    class Meta:
        constraints = [
            UniqueConstraint(fields=["lot", "trade"], name="closed_lot_once"),
            CheckConstraint(name="closed_lot_quantity", condition=~Q(quantity=0)),
        ]
        indexes = [models.Index(fields=["day"], name="closed_lot_day")]

    def __str__(self) -> str:
        return f"{self.quantity:+} closed at {self.price}"


class Receivable(models.Model):
    """What a position is entitled to by a split or a bonus issue: it counts, and is not sold before it is credited."""

    id = uuid_key()
    position = models.ForeignKey(Position, models.CASCADE, related_name="receivables")
    adjustment = models.ForeignKey(Adjustment, models.PROTECT, related_name="+")
    quantity = models.BigIntegerField(help_text="Shares that came with it; signed as the position was.")

    class Meta:
        constraints = [
            UniqueConstraint(fields=["position", "adjustment"], name="receivable_once"),
            CheckConstraint(name="receivable_quantity", condition=~Q(quantity=0)),
        ]

    def __str__(self) -> str:
        return f"{self.quantity:+} of {self.adjustment}"
