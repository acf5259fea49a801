"""REST: instruments and trading sessions, to read."""

from typing import Any

import django_filters
from rest_framework import serializers
from rest_framework.viewsets import ReadOnlyModelViewSet

from alphapanda.core.asked import AskedByName
from alphapanda.core.pages import by_cursor
from instruments.models import Instrument, TradingSession
from instruments.querysets import InstrumentQuerySet


class InstrumentSerializer(serializers.ModelSerializer):
    key = serializers.CharField(read_only=True, help_text="EXCHANGE:SYMBOL, as everywhere else.")
    security_class = serializers.CharField(read_only=True)

    class Meta:
        model = Instrument
        fields = (
            "id",
            "key",
            "exchange",
            "tradingsymbol",
            "name",
            "instrument_type",
            "segment",
            "security_class",
            "expiry",
            "strike",
            "tick_size",
            "lot_size",
            "instrument_token",
            "listed",
            "has_derivatives",
            "first_seen",
            "last_seen",
        )


class InstrumentFilter(django_filters.FilterSet):
    q = django_filters.CharFilter(method="found_by", label="words of the symbol or the name", max_length=64)
    key = django_filters.CharFilter(method="of_key", label="EXCHANGE:SYMBOL", max_length=80)
    expiry_from = django_filters.DateFilter("expiry", "gte")
    expiry_to = django_filters.DateFilter("expiry", "lte")

    class Meta:
        model = Instrument
        fields = (
            "exchange",
            "tradingsymbol",
            "name",
            "instrument_type",
            "segment",
            "expiry",
            "listed",
            "instrument_token",
        )

    def found_by(self, found: InstrumentQuerySet, name: str, words: str) -> InstrumentQuerySet:
        return found.holding_words(words)

    def of_key(self, found: InstrumentQuerySet, name: str, key: str) -> InstrumentQuerySet:
        exchange, _, tradingsymbol = key.partition(":")
        return found.filter(exchange=exchange, tradingsymbol=tradingsymbol)


class InstrumentViewSet(AskedByName, ReadOnlyModelViewSet):
    """What can be traded, and what could be once: unlisted instruments stay, with the day they were last seen."""

    queryset = Instrument.objects.all()
    serializer_class = InstrumentSerializer
    filterset_class = InstrumentFilter
    pagination_class = by_cursor("tradingsymbol", "exchange")


class PhaseStepSerializer(serializers.Serializer):
    kind = serializers.CharField()
    opens_at = serializers.DateTimeField()
    closes_at = serializers.DateTimeField()


class PhaseSerializer(PhaseStepSerializer):
    steps = PhaseStepSerializer(many=True)


class TradingSessionSerializer(serializers.ModelSerializer):
    phases = serializers.SerializerMethodField(help_text="In order; empty on a holiday.")

    class Meta:
        model = TradingSession
        fields = ("id", "exchange", "security_class", "day", "phases", "is_holiday", "name", "source", "by_hand")

    def get_phases(self, session: TradingSession) -> list[dict[str, Any]]:
        return list(PhaseSerializer(session.schedule().phases, many=True).data)


class TradingSessionFilter(django_filters.FilterSet):
    day_from = django_filters.DateFilter("day", "gte")
    day_to = django_filters.DateFilter("day", "lte")

    class Meta:
        model = TradingSession
        fields = ("exchange", "security_class", "day", "is_holiday")


class TradingSessionViewSet(AskedByName, ReadOnlyModelViewSet):
    """When each exchange trades; a day that is not listed is unknown, and counts as closed."""

    queryset = TradingSession.objects.all()
    serializer_class = TradingSessionSerializer
    filterset_class = TradingSessionFilter
    pagination_class = by_cursor("day", "exchange", "security_class")
