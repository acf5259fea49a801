"""What a request of the API may say: a name there is not is refused with the nearest there is; one said twice, too."""

from collections.abc import Collection, Iterable, Mapping
from difflib import get_close_matches
from typing import Any

from django_filters import BooleanFilter, Filter
from django_filters.rest_framework import DjangoFilterBackend
from rest_framework.exceptions import ValidationError
from rest_framework.permissions import SAFE_METHODS
from rest_framework.request import Request
from rest_framework.serializers import Serializer
from rest_framework.views import APIView

LONGEST_NAME = 64


class AskedByName(APIView):
    """Knows what each of its requests may say. What is not named here may not be said: nothing is passed over."""

    # By action, what its body may hold: a serializer or the names.
    bodies: Mapping[str, type[Serializer[Any]] | Collection[str]] = {}
    # What its list may be asked by besides filters and pages.
    questions: Collection[str] = ()
    # Which of them may be said more than once.
    repeated: Collection[str] = ()

    def initial(self, request: Request, *args: Any, **kwargs: Any) -> None:
        super().initial(request, *args, **kwargs)
        action = getattr(self, "action", None)
        refuse_unknown(request.query_params, self.questions_of(action))
        refuse_repeated(dict(request.query_params.lists()), self.repeated)
        if action == "list":
            refuse_unclear(request.query_params, self.filters())
        if request.method in SAFE_METHODS or action is None:
            return
        if not isinstance(request.data, Mapping):
            raise ValidationError("The body is one JSON object.")
        refuse_unknown(request.data, names_of(self.bodies.get(action, ())))

    def questions_of(self, action: str | None) -> set[str]:
        if action != "list":
            return set()
        names = set(self.questions)
        if paginator := getattr(self, "paginator", None):
            names |= {paginator.cursor_query_param, paginator.page_size_query_param}
            names |= self.filters().keys()
        return names

    def filters(self) -> Mapping[str, Filter]:
        rows = getattr(self, "queryset", None)
        if rows is None:
            return {}
        found = DjangoFilterBackend().get_filterset_class(self, rows)
        return found.base_filters if found else {}


def names_of(body: type[Serializer[Any]] | Collection[str]) -> Collection[str]:
    return body().fields.keys() if isinstance(body, type) else body


def refuse_unknown(said: Iterable[str], known: Collection[str]) -> None:
    """Raise ValidationError for every name that is not known."""
    if wrong := {name[:LONGEST_NAME]: [unknown_words(name, known)] for name in said if name not in known}:
        raise ValidationError(wrong, code="unknown")


def refuse_repeated(said: Mapping[str, Collection[Any]], repeated: Collection[str]) -> None:
    """Raise ValidationError for every name that is said more than once and may not be: which is meant is not known."""
    often = {name: len(values) for name, values in said.items() if len(values) > 1 and name not in repeated}
    if wrong := {name: [f"{name!r} is said {times} times. Say it once."] for name, times in often.items()}:
        raise ValidationError(wrong, code="repeated")


def refuse_unclear(said: Mapping[str, str], filters: Mapping[str, Filter]) -> None:
    """Raise ValidationError for a yes or no that is neither: the library would leave the filter out."""
    asked = {name: said[name] for name, one in filters.items() if name in said and isinstance(one, BooleanFilter)}
    if wrong := {name: ["Say true or false."] for name, text in asked.items() if text not in ("true", "false")}:
        raise ValidationError(wrong, code="invalid")


def unknown_words(name: str, known: Collection[str]) -> str:
    """ "There is no validty here. Did you mean validity?" """
    begin = f"There is no {name[:LONGEST_NAME]!r} here"
    if near := get_close_matches(name[:LONGEST_NAME], known, n=1):
        return f"{begin}. Did you mean {near[0]!r}?"
    return f"{begin}; there is {', '.join(sorted(known))}." if known else f"{begin}, nor anything else to be said."
