"""Signals and what the gate decided about them, to read."""

from typing import Any

import django_filters
from rest_framework import serializers

from instruments.named import ByInstrument, WithInstrument
from trading.api.base import ReadViewSet
from trading.models import RiskDecision, Signal


class CheckSerializer(serializers.Serializer[Any]):
    """One rule that was asked, with its numbers. A skipped rule was not asked of an order that only shrinks."""

    code = serializers.CharField()
    title = serializers.CharField()
    scope = serializers.CharField()
    passed = serializers.BooleanField()
    value = serializers.CharField()
    limit = serializers.CharField()
    words = serializers.CharField()
    used = serializers.CharField(allow_null=True, help_text="Share of the limit that is used; 1 is full.")
    skipped = serializers.CharField()
    failure = serializers.CharField()


class DecisionSerializer(serializers.ModelSerializer[RiskDecision]):
    checks = CheckSerializer(many=True, read_only=True)
    refusal_codes = serializers.ListField(child=serializers.CharField(), read_only=True)
    slices = serializers.ListField(
        child=serializers.IntegerField(),
        read_only=True,
        help_text="Quantities of its orders, as the exchange takes them.",
    )

    class Meta:
        model = RiskDecision
        fields = (
            "id",
            "signal",
            "approved",
            "refusal_codes",
            "checks",
            "side",
            "quantity",
            "slices",
            "price",
            "only_shrinks",
            "market_time",
            "decided_at",
        )


class SignalSerializer(WithInstrument):
    orders = serializers.PrimaryKeyRelatedField(
        read_only=True, many=True, help_text="One a slice; empty: none came of it."
    )
    decision = serializers.PrimaryKeyRelatedField(read_only=True, allow_null=True, help_text="Null: not judged.")
    numbers = serializers.DictField(read_only=True, help_text="The numbers in the reason.")

    class Meta:
        model = Signal
        fields = (
            "id",
            "kind",
            "state",
            "state_reason",
            "account",
            "deployment",
            "run",
            "instrument",
            "side",
            "quantity",
            "order_type",
            "product",
            "validity",
            "price",
            "trigger_price",
            "stop",
            "target",
            "reason",
            "numbers",
            "reference_price",
            "bid",
            "ask",
            "quote_at",
            "market_time",
            "send_by",
            "asked_by",
            "decision",
            "orders",
            "created_at",
        )


class SignalFilter(ByInstrument):
    market_time_from = django_filters.IsoDateTimeFilter("market_time", "gte")
    market_time_to = django_filters.IsoDateTimeFilter("market_time", "lt")

    class Meta:
        model = Signal
        fields = ("account", "deployment", "run", "kind", "state")


class DecisionFilter(django_filters.FilterSet):
    account = django_filters.UUIDFilter("signal__account")
    deployment = django_filters.UUIDFilter("signal__deployment")
    code = django_filters.CharFilter("refusal_codes", "contains", label="a refusal's code")
    market_time_from = django_filters.IsoDateTimeFilter("market_time", "gte")
    market_time_to = django_filters.IsoDateTimeFilter("market_time", "lt")

    class Meta:
        model = RiskDecision
        fields = ("account", "deployment", "signal", "approved", "code")


class SignalViewSet(ReadViewSet):
    """What runs and people wanted, and what became of it."""

    queryset = Signal.objects.select_related("instrument", "decision").prefetch_related("orders")
    serializer_class = SignalSerializer
    filterset_class = SignalFilter


class DecisionViewSet(ReadViewSet):
    """The gate's answers, with every check and its numbers."""

    queryset = RiskDecision.objects.all()
    serializer_class = DecisionSerializer
    filterset_class = DecisionFilter
