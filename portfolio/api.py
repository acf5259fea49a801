"""The books over REST: read only, money and ids as strings."""

from __future__ import annotations

from typing import Any

from django_filters import rest_framework as filters
from rest_framework import serializers
from rest_framework.mixins import ListModelMixin, RetrieveModelMixin
from rest_framework.viewsets import GenericViewSet

from alphapanda.core.asked import AskedByName
from alphapanda.core.pages import ByName, OldestFirst, by_cursor
from instruments.named import ByInstrument, WithInstrument
from portfolio.models import Account, LedgerEntry, Lot, PnlSnapshot, Portfolio, Position, Trade


class BooksViewSet(AskedByName, ListModelMixin, RetrieveModelMixin, GenericViewSet[Any]):
    """What is booked is read here and changed nowhere but by trades and transfers."""


class AccountSerializer(serializers.ModelSerializer[Account]):
    class Meta:
        model = Account
        fields = [
            "id",
            "name",
            "broker",
            "mode",
            "version",
            "opening_cash",
            "intraday_multiple",
            "derivative_margin_percent",
            "is_active",
            "opened_at",
        ]


class PortfolioSerializer(serializers.ModelSerializer[Portfolio]):
    class Meta:
        model = Portfolio
        fields = ["id", "account", "deployment_id", "name"]


class PositionSerializer(WithInstrument):
    class Meta:
        model = Position
        fields = [
            "id",
            "portfolio",
            "instrument",
            "product",
            "quantity",
            "open_value",
            "average_price",
            "realised",
            "opened_at",
        ]


class LotSerializer(serializers.ModelSerializer[Lot]):
    class Meta:
        model = Lot
        fields = ["id", "position", "trade", "ordinal", "quantity", "remaining", "price", "day"]


class TradeSerializer(WithInstrument):
    class Meta:
        model = Trade
        fields = [
            "id",
            "kind",
            "account",
            "portfolio",
            "instrument",
            "sequence",
            "exchange",
            "day",
            "trade_id",
            "broker_order_id",
            "part",
            "order_tag",
            "product",
            "signed_quantity",
            "price",
            "charges",
            "traded_at",
            "booked_at",
        ]


class LedgerEntrySerializer(serializers.ModelSerializer[LedgerEntry]):
    class Meta:
        model = LedgerEntry
        fields = ["id", "account", "portfolio", "trade", "kind", "amount", "day", "at", "note"]


class PnlSnapshotSerializer(serializers.ModelSerializer[PnlSnapshot]):
    class Meta:
        model = PnlSnapshot
        fields = [
            "id",
            "portfolio",
            "at",
            "day",
            "realised",
            "unrealised",
            "opened_with",
            "charges",
            "net",
            "worst",
        ]


class PositionFilter(ByInstrument):
    account = filters.UUIDFilter(field_name="portfolio__account")
    is_open = filters.BooleanFilter(field_name="quantity", method="filter_open")

    class Meta:
        model = Position
        fields = ["account", "portfolio", "product"]

    def filter_open(self, rows: Any, name: str, wanted: bool) -> Any:
        return rows.open() if wanted else rows.filter(quantity=0)


class LotFilter(filters.FilterSet):
    account = filters.UUIDFilter(field_name="position__portfolio__account")
    portfolio = filters.UUIDFilter(field_name="position__portfolio")
    is_open = filters.BooleanFilter(field_name="remaining", method="filter_open")

    class Meta:
        model = Lot
        fields = ["account", "portfolio", "position", "day"]

    def filter_open(self, rows: Any, name: str, wanted: bool) -> Any:
        return rows.open() if wanted else rows.filter(remaining=0)


class TradeFilter(ByInstrument):
    day_from = filters.DateFilter("day", "gte")
    day_to = filters.DateFilter("day", "lte")

    class Meta:
        model = Trade
        fields = ["account", "portfolio", "kind", "product", "broker_order_id", "order_tag", "day"]


class LedgerFilter(filters.FilterSet):
    day_from = filters.DateFilter("day", "gte")
    day_to = filters.DateFilter("day", "lte")

    class Meta:
        model = LedgerEntry
        fields = ["account", "portfolio", "trade", "kind", "day"]


class PnlSnapshotFilter(filters.FilterSet):
    account = filters.UUIDFilter(field_name="portfolio__account")
    at_from = filters.IsoDateTimeFilter("at", "gte")
    at_to = filters.IsoDateTimeFilter("at", "lt")

    class Meta:
        model = PnlSnapshot
        fields = ["account", "portfolio", "day"]


class AccountViewSet(BooksViewSet):
    queryset = Account.objects.all()
    serializer_class = AccountSerializer
    pagination_class = ByName
    filterset_fields = ["mode", "broker", "is_active"]


class PortfolioViewSet(BooksViewSet):
    queryset = Portfolio.objects.all()
    serializer_class = PortfolioSerializer
    pagination_class = OldestFirst
    filterset_fields = ["account", "deployment_id"]


class PositionViewSet(BooksViewSet):
    queryset = Position.objects.select_related("instrument")
    serializer_class = PositionSerializer
    pagination_class = OldestFirst
    filterset_class = PositionFilter


class LotViewSet(BooksViewSet):
    queryset = Lot.objects.all()
    serializer_class = LotSerializer
    pagination_class = by_cursor("position_id", "ordinal")
    filterset_class = LotFilter


class TradeViewSet(BooksViewSet):
    queryset = Trade.objects.select_related("instrument")
    serializer_class = TradeSerializer
    pagination_class = by_cursor("traded_at", descending=True)
    filterset_class = TradeFilter


class LedgerViewSet(BooksViewSet):
    queryset = LedgerEntry.objects.all()
    serializer_class = LedgerEntrySerializer
    pagination_class = by_cursor("at", descending=True)
    filterset_class = LedgerFilter


class PnlSnapshotViewSet(BooksViewSet):
    queryset = PnlSnapshot.objects.all()
    serializer_class = PnlSnapshotSerializer
    pagination_class = by_cursor("at", descending=True)
    filterset_class = PnlSnapshotFilter


VIEWSETS = {
    "accounts": AccountViewSet,
    "portfolios": PortfolioViewSet,
    "positions": PositionViewSet,
    "lots": LotViewSet,
    "trades": TradeViewSet,
    "ledger": LedgerViewSet,
    "pnl": PnlSnapshotViewSet,
}
