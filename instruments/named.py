"""How rows of the API say which instrument they are about, and how they are asked for by it: by its key, NSE:INFY."""

from typing import Any

from django.db.models import QuerySet
from django_filters.rest_framework import CharFilter, FilterSet
from rest_framework import serializers

from instruments.models import Instrument

KEY_WORDS = "EXCHANGE:SYMBOL, as NSE:INFY."


class WithInstrument(serializers.ModelSerializer[Any]):
    instrument = serializers.CharField(source="instrument.key", read_only=True, help_text=KEY_WORDS)


class ByInstrument(FilterSet):
    instrument = CharFilter(method="of_instrument", label=KEY_WORDS, max_length=80)

    def of_instrument(self, rows: QuerySet[Any], name: str, key: str) -> QuerySet[Any]:
        try:
            return rows.filter(instrument=instrument_named(key))
        except serializers.ValidationError as error:
            raise serializers.ValidationError({name: error.detail}) from error


def instrument_named(key: str) -> Instrument:
    """Return what a request means by ``NSE:INFY``. Raises ValidationError where there is none."""
    try:
        return Instrument.objects.by_key(key)
    except (Instrument.DoesNotExist, ValueError) as error:
        raise serializers.ValidationError(f"{error}.") from error
