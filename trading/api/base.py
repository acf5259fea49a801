"""What the views of trading share: rows to read, newest first, and acts that answer once."""

from collections.abc import Iterable
from typing import Any

import orjson
from django.db.models import DateTimeField, DecimalField, F, Func, JSONField, Model, QuerySet, TextField, Value
from django.db.models.functions import Cast, Concat
from rest_framework import serializers
from rest_framework.mixins import ListModelMixin, RetrieveModelMixin
from rest_framework.viewsets import GenericViewSet

from alphapanda.core.asked import AskedByName
from alphapanda.core.pages import NewestFirst


class ReadViewSet(AskedByName, ListModelMixin, RetrieveModelMixin, GenericViewSet[Any]):
    """A list by cursor, and one row."""

    pagination_class = NewestFirst


class ReasonSerializer(serializers.Serializer[Any]):
    reason = serializers.CharField(max_length=200, required=False, default="", allow_blank=True)


def as_json(rows: QuerySet[Any], columns: Iterable[str]) -> QuerySet[Any]:
    """Return each row as ``id`` and ``json``, its text made by PostgreSQL: a tenth of what a serializer costs.

    An instrument is its key. Decimals become text there too, so money stays exact.
    """
    pairs = [part for name in columns for part in (Value(name), _column(rows.model, name))]
    built = Func(*pairs, function="json_build_object", output_field=JSONField())
    return rows.annotate(json=Cast(built, TextField())).values("id", "json")


def _column(model: type[Model], name: str) -> Any:
    if name == "instrument":
        return Concat(F("instrument__exchange"), Value(":"), F("instrument__tradingsymbol"))
    kinds = {field.name: field for field in model._meta.concrete_fields}
    if isinstance(kinds.get(name), DecimalField):
        return Cast(name, TextField())
    return _in_india(name) if isinstance(kinds.get(name), DateTimeField) else F(name)


def _in_india(name: str) -> Func:
    """Return a column's time as serializers write it (DATETIME_FORMAT): Kolkata's, with its offset."""
    local = Func(Value("Asia/Kolkata"), F(name), function="timezone", output_field=DateTimeField())
    return Func(local, Value('YYYY-MM-DD"T"HH24:MI:SS.US"+05:30"'), function="to_char", output_field=TextField())


def json_fragments(page: Iterable[dict[str, Any]]) -> list[orjson.Fragment]:
    """Return rows of ``as_json`` as the renderer takes them: not decoded and encoded again."""
    return [orjson.Fragment(row["json"]) for row in page]
