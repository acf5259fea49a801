"""What the views of trading share: rows to read, newest first, and acts that answer once."""

from typing import Any

import django_filters
from django.db.models import F, QuerySet, Value
from django.db.models.functions import Concat
from rest_framework import serializers
from rest_framework.mixins import ListModelMixin, RetrieveModelMixin
from rest_framework.viewsets import GenericViewSet

from instruments.domain.contracts import split_key
from trading.api.pages import NewestFirst


class ReadViewSet(ListModelMixin, RetrieveModelMixin, GenericViewSet[Any]):
    """A list by cursor, and one row."""

    pagination_class = NewestFirst


class WithInstrumentKey(serializers.ModelSerializer[Any]):
    """Rows about an instrument say which, as people write it: NSE:INFY."""

    instrument_key = serializers.CharField(source="instrument.key", read_only=True)


class ReasonSerializer(serializers.Serializer[Any]):
    reason = serializers.CharField(max_length=200, required=False, default="", allow_blank=True)


class KeyFilterSet(django_filters.FilterSet):
    """Filters rows by their instrument as people write it."""

    key = django_filters.CharFilter(method="of_key", label="EXCHANGE:SYMBOL", max_length=80)

    def of_key(self, rows: QuerySet[Any], name: str, key: str) -> QuerySet[Any]:
        try:
            exchange, tradingsymbol = split_key(key)
        except ValueError:
            return rows.none()
        return rows.filter(instrument__exchange=exchange, instrument__tradingsymbol=tradingsymbol)


def with_key(rows: QuerySet[Any]) -> QuerySet[Any]:
    """Name each row's instrument in the database: cheaper than an object for each."""
    key = Concat(F("instrument__exchange"), Value(":"), F("instrument__tradingsymbol"))
    return rows.annotate(instrument_key=key)
