"""What can be wrong with an environment, said in words before anything starts."""

import os
from typing import Any
from urllib.parse import urlsplit

from django.conf import settings
from django.core.checks import CheckMessage, Error, Warning, register
from django.db import OperationalError, connection

from alphapanda.core.postgres import base as postgres

LOOPBACK = ("127.0.0.1", "localhost", "::1")


@register()
def check_environment(app_configs: Any, **_: Any) -> list[CheckMessage]:
    """Refuse an installation that could trade by mistake, or could not work at all."""
    return [*_kind(), *_practice_addresses(), *_redis(), *_secrets(), *_hosts()]


@register()
def check_postgresql(app_configs: Any, **_: Any) -> list[CheckMessage]:
    """Refuse a PostgreSQL that is too old, before anything is made in it.

    One that does not answer is no fault of the settings: whoever needs it says so.
    """
    try:
        major, minor = connection.get_database_version()
    except OperationalError:
        return []
    if major >= postgres.OLDEST:
        return []
    words = f"PostgreSQL {major}.{minor} is too old: {postgres.OLDEST} or later is needed."
    hint = "Upgrade it, or point DATABASE_URL at another. Debian 12 comes with 15; apt.postgresql.org has newer ones."
    return [Error(words, hint=hint, id="alphapanda.E004")]


def _kind() -> list[CheckMessage]:
    if settings.KIND in ("practice", "live"):
        return []
    hint = "Set ALPHAPANDA_KIND to practice or live. A database is of one kind for ever."
    return [Error(f"ALPHAPANDA_KIND is {settings.KIND!r}.", hint=hint, id="alphapanda.E001")]


def _practice_addresses() -> list[CheckMessage]:
    """A practice installation must not even know a real broker's address once it talks to one."""
    if settings.KIND != "practice" or not settings.PRACTICE_CLOCK_URL:
        return []
    wrong = [
        name
        for name in ("KITE_ROOT", "KITE_LOGIN_ROOT", "KITE_TICKER_ROOT", "PRACTICE_CLOCK_URL")
        if urlsplit(getattr(settings, name)).hostname not in LOOPBACK
    ]
    hint = "In practice the broker is kitesim, on this machine. Use ALPHAPANDA_KIND=live for Zerodha."
    return [Error(f"{name} is not on this machine.", hint=hint, id="alphapanda.E002") for name in wrong]


def _redis() -> list[CheckMessage]:
    if urlsplit(settings.REDIS_URL).scheme in ("redis", "rediss", "unix"):
        return []
    hint = "REDIS_URL looks like redis://127.0.0.1:6379/0."
    return [Error("REDIS_URL is not the address of a Valkey or Redis server.", hint=hint, id="alphapanda.E003")]


def _secrets() -> list[CheckMessage]:
    """Keys of several accounts in one process are allowed on a desk of one machine, but say it."""
    keys = [name for name in os.environ if name.startswith("BROKER_KEY_")]
    if settings.KIND == "live" and len(keys) > 1:
        hint = "Give each account's processes only their own BROKER_KEY (docs/settings.md)."
        return [Warning(f"This process holds the keys of {len(keys)} accounts.", hint=hint, id="alphapanda.W001")]
    return []


def _hosts() -> list[CheckMessage]:
    """Whatever name a request gives would be believed, in links and in what counts as this site."""
    if "*" not in settings.ALLOWED_HOSTS:
        return []
    hint = "Name the site's own names, and 127.0.0.1 for the health check (docs/settings.md)."
    return [Warning("ALLOWED_HOSTS holds *, so the site answers to any name.", hint=hint, id="alphapanda.W002")]
