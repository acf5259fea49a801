"""Pages of a list by cursor: each row is on exactly one of them, however many rows share what they are ordered by."""

import binascii
import operator
from base64 import urlsafe_b64decode, urlsafe_b64encode
from collections.abc import Sequence
from functools import reduce
from typing import Any, NamedTuple

import orjson
from django.core.exceptions import ValidationError as WrongValue
from django.db.models import Model, Q
from rest_framework.exceptions import ValidationError
from rest_framework.pagination import CursorPagination
from rest_framework.request import Request
from rest_framework.utils.urls import replace_query_param

BROKEN = "No page begins here. Begin again without a cursor, and take `next` as it is given."
PAGE_SIZE = 100


class Place(NamedTuple):
    """Between two rows of a list: the columns of one of them, and on which side of it to go on."""

    values: Sequence[Any]
    backwards: bool = False


class ByCursor(CursorPagination):
    """The library's cursor knows the first column alone and counts on from there, to 1,000 rows and no further.

    This one holds all columns of ``columns``, whose last is always the primary key. With ``descending`` all of them
    go down.
    """

    columns: Sequence[str] = ("id",)
    descending = False
    page_size_query_param = "page_size"
    max_page_size = 1000

    def paginate_queryset(self, queryset: Any, request: Request, view: Any = None) -> list[Any]:
        self.address = request.build_absolute_uri()
        size, place = self.get_page_size(request), self.read_place(request, queryset.model)
        backwards = place is not None and place.backwards
        down = self.descending != backwards
        if place:
            queryset = queryset.filter(beyond(self.columns, place.values, down=down))
        ordered = queryset.order_by(*(f"-{name}" if down else name for name in self.columns))
        rows = list(ordered[: size + 1])
        goes_on = len(rows) > size
        self.page = rows[:size][::-1] if backwards else rows[:size]
        self.has_next, self.has_previous = (True, goes_on) if backwards else (goes_on, place is not None)
        return self.page

    def get_page_size(self, request: Request) -> int:
        asked = request.query_params.get(self.page_size_query_param)
        if asked is None:
            return PAGE_SIZE
        if not (asked.isascii() and asked.isdecimal() and 1 <= int(asked[:9]) <= self.max_page_size):
            raise ValidationError({self.page_size_query_param: [f"A whole number from 1 to {self.max_page_size}."]})
        return int(asked)

    def read_place(self, request: Request, model: type[Model]) -> Place | None:
        asked = request.query_params.get(self.cursor_query_param)
        if asked is None:
            return None
        try:
            backwards, *texts = orjson.loads(urlsafe_b64decode(asked.encode("ascii")))
            pairs = zip(self.columns, texts, strict=True)
            values = [as_value(model, name, text) for name, text in pairs]
        except (ValueError, TypeError, binascii.Error, WrongValue) as error:
            raise ValidationError({self.cursor_query_param: [BROKEN]}) from error
        return Place(values, backwards is True)

    def get_next_link(self) -> str | None:
        return self.link(Place(self.values_of(self.page[-1]))) if self.page and self.has_next else None

    def get_previous_link(self) -> str | None:
        return self.link(Place(self.values_of(self.page[0]), True)) if self.page and self.has_previous else None

    def values_of(self, row: Any) -> list[str]:
        """Return a row's columns as texts; a row may be a dict of them."""
        return [str(row[name] if isinstance(row, dict) else getattr(row, name)) for name in self.columns]

    def link(self, place: Place) -> str:
        cursor = urlsafe_b64encode(orjson.dumps([place.backwards, *place.values])).decode()
        return str(replace_query_param(self.address, self.cursor_query_param, cursor))


def by_cursor(*columns: str, descending: bool = False, most: int = ByCursor.max_page_size) -> type[ByCursor]:
    """Return pages ordered by ``columns``, and last by the primary key."""
    named = {"columns": (*columns, "id"), "descending": descending, "max_page_size": most}
    return type("Pages", (ByCursor,), named)


NewestFirst = by_cursor(descending=True)  # ids are UUIDv7: the newest id is the newest row
OldestFirst = by_cursor()
ByName = by_cursor("name")


def beyond(columns: Sequence[str], values: Sequence[Any], *, down: bool) -> Q:
    """Rows after ``values`` in an order by ``columns``: by the first that differs. The first bounds an index scan."""
    way = "lt" if down else "gt"
    ties = [Q(**dict(zip(columns[:n], values, strict=False))) for n in range(len(columns))]
    further = (tie & Q(**{f"{name}__{way}": value}) for tie, name, value in zip(ties, columns, values, strict=True))
    return Q(**{f"{columns[0]}__{way}e": values[0]}) & reduce(operator.or_, further)


def as_value(model: type[Model], name: str, text: str) -> Any:
    """Return what a column holds from a cursor's text. Raises what the column's own field does."""
    if not (isinstance(text, str) and text.isprintable()):
        raise WrongValue(f"{name} is no text.")
    field: Any = model._meta.get_field(name)
    return (field.target_field if field.is_relation else field).to_python(text)
