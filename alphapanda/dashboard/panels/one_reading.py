"""Reads a page as of one moment: what changes between two of its queries is seen by both or by neither."""

from __future__ import annotations

from collections.abc import Callable
from functools import wraps
from typing import ParamSpec, TypeVar

from django.db import connection, transaction

P = ParamSpec("P")
R = TypeVar("R")


def of_one_moment(read: Callable[P, R]) -> Callable[P, R]:
    """Run a reading in one transaction that sees nothing newer than its first query, and writes nothing.

    Within a transaction it goes by that one's rules.
    """

    @wraps(read)
    def reading(*args: P.args, **kwargs: P.kwargs) -> R:
        if connection.in_atomic_block:
            return read(*args, **kwargs)
        with transaction.atomic():
            with connection.cursor() as cursor:
                cursor.execute("SET TRANSACTION ISOLATION LEVEL REPEATABLE READ, READ ONLY")
            return read(*args, **kwargs)

    return reading
