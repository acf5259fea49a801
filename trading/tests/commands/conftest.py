import json
from collections.abc import Callable
from io import StringIO
from typing import Any

import pytest
from django.core.management import call_command


@pytest.fixture
def told() -> Callable[..., dict[str, Any]]:
    """Run a command with --json and return its one object, whether or not it was refused."""

    def run(*arguments: str) -> dict[str, Any]:
        out = StringIO()
        call_command(*arguments, "--json", stdout=out)
        return json.loads(out.getvalue())

    return run


@pytest.fixture
def words() -> Callable[..., str]:
    def run(*arguments: str) -> str:
        out = StringIO()
        call_command(*arguments, stdout=out)
        return out.getvalue()

    return run
