"""Every operation of the API, asked as its schema says and as it does not, answers as its schema says."""

from typing import Any

import pytest
import schemathesis
from django.core.cache import cache
from django.db import transaction
from django.test.client import ClientHandler
from drf_spectacular.generators import SchemaGenerator
from hypothesis import HealthCheck, Phase, given, settings
from hypothesis.errors import Unsatisfiable
from schemathesis import Case, GenerationMode
from schemathesis.core.failures import FailureGroup
from schemathesis.specs.openapi.checks import negative_data_rejection, positive_data_acceptance

from tests.scale import by_night
from trading.api.tokens import make_token

EXAMPLES = by_night(20, 1)
MODES = by_night(list(GenerationMode), [GenerationMode.POSITIVE])
PLAN = settings(
    max_examples=EXAMPLES,
    database=None,
    deadline=None,
    derandomize=True,
    phases=[Phase.generate],
    suppress_health_check=list(HealthCheck),
)


# A schema cannot tell which rows, instruments and cursors there are, nor that a filter's empty text leaves it out.
BEYOND_THE_SCHEMA = [positive_data_acceptance, negative_data_rejection]
HANDLER = ClientHandler()


def desk(environ: dict[str, Any], start_response: Any) -> list[bytes]:
    """The whole site as a WSGI application, on the connection of this test."""
    environ.pop("HTTP_ACCEPT_ENCODING", None)  # the werkzeug client unpacks nothing
    answer = HANDLER(environ)
    start_response(f"{answer.status_code} {answer.reason_phrase}", list(answer.items()))
    return [b"".join(answer)]


@pytest.fixture(scope="module")
def operations() -> list[Any]:
    """Described before a connection is open: it takes longer than one may be idle in a transaction."""
    schema = schemathesis.openapi.from_dict(SchemaGenerator().get_schema(request=None, public=True))
    schema.app = desk
    return [each.ok() for each in schema.get_all_operations()]


def test_every_operation_answers_as_its_schema_says(operations: list[Any], user: Any, account: Any) -> None:
    token = {"Authorization": f"Token {make_token(user, 'tries', 'trade', 30).shown}"}
    found = {}
    for operation in operations:
        for mode in MODES:
            cache.clear()
            if wrong := first_wrong(operation, mode, token):
                found[f"{operation.label} {mode.value}"] = wrong
    assert found == {}


def first_wrong(operation: Any, mode: GenerationMode, token: dict[str, str]) -> str:
    """Return what is wrong with an operation's answers, in schemathesis' words, or nothing."""

    @PLAN
    @given(case=operation.as_strategy(generation_mode=mode))
    def ask(case: Case) -> None:
        # What one asks for is not there for the next.
        with transaction.atomic():
            case.call_and_validate(headers=token, excluded_checks=BEYOND_THE_SCHEMA)
            transaction.set_rollback(True)

    try:
        ask()
    except Unsatisfiable:
        return ""  # nothing can be said to it, so nothing wrong either
    except (Exception, FailureGroup) as wrong:
        return "\n".join(str(one) for one in getattr(wrong, "exceptions", [wrong]))
    return ""
