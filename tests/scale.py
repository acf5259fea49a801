"""How much of a thing a test tries: enough to see it at every commit, and all that was promised each night."""

import os
from typing import TypeVar

Size = TypeVar("Size")
IS_NIGHT = os.environ.get("TESTS_AT_NIGHT") == "1"


def by_night(all_of_it: Size, otherwise: Size) -> Size:
    """Return ``all_of_it`` under ``make nightly``."""
    return all_of_it if IS_NIGHT else otherwise
