"""The one place where identifiers are made: UUIDv7, so that rows sort by the time they were born."""

from uuid import UUID

from uuid_utils.compat import uuid7


def new_id() -> UUID:
    return uuid7()
