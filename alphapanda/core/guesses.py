"""Guessing passwords is slow: so many a minute from one address and of one name, and two hashes at a time.

Every way in by password comes through here (the page, the admin, tokens): Django asks its backends in turn, and the
first of ours only counts.
"""

import hashlib
import ipaddress
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import redis
import structlog
from django.conf import settings
from django.contrib.auth.hashers import Argon2PasswordHasher
from django.core.cache import cache
from django.core.exceptions import ValidationError
from django.http import HttpRequest

log = structlog.get_logger()
# Our own choice: nobody mistypes ten times a minute, and a list of the commonest thousand takes over an hour.
PER_ADDRESS, ADDRESS_SECONDS = 10, 60
PER_NAME, NAME_SECONDS = 10, 300
KNOWN_SECONDS = 30 * 24 * 3600
# A hash takes 100 MB and both cores for a tenth of a second.
HASHES_AT_ONCE = 2
HASH_WAIT_SECONDS = 5.0
_hashing = threading.BoundedSemaphore(HASHES_AT_ONCE)


class TooManyGuesses(ValidationError):
    """Forms show it as what is wrong with them; the API answers 429."""

    def __init__(self, wait: int) -> None:
        super().__init__(f"Too many sign-ins were tried. Try again in {wait} seconds.", code="too_many")
        self.wait = wait


class CountGuesses:
    """A backend that knows nobody: it counts, before any password is looked at."""

    def authenticate(self, request: HttpRequest | None, username: str = "", **_: Any) -> None:
        try:
            count_guess(username, client_address(request) if request else "")
        except redis.RedisError as error:
            # Counting needs Valkey; whoever would halt must get in without it.
            log.warning("sign_ins_not_counted", error=repr(error))


class BoundedArgon2(Argon2PasswordHasher):
    """The library's, of which only so many are at work at once in this process."""

    def encode(self, password: str, salt: str) -> str:
        with _turn():
            return str(super().encode(password, salt))

    def verify(self, password: str, encoded: str) -> bool:
        with _turn():
            return bool(super().verify(password, encoded))


@contextmanager
def _turn() -> Iterator[None]:
    if not _hashing.acquire(timeout=HASH_WAIT_SECONDS):
        raise TooManyGuesses(int(HASH_WAIT_SECONDS))
    try:
        yield
    finally:
        _hashing.release()


def count_guess(name: str, address: str) -> None:
    """Count one more. Raises TooManyGuesses, for whoever comes from an address where this name was right before last.

    So a stranger who tries a name all day keeps its owner out of a new place only.
    """
    who = _hashed(name.strip().casefold())
    if address:
        _count(f"address:{_hashed(_network(address))}", PER_ADDRESS, ADDRESS_SECONDS)
        if cache.get(_known(who, address)):
            who = f"{who}:{_hashed(address)}"
    _count(f"name:{who}", PER_NAME, NAME_SECONDS)


def remember_address(name: str, address: str) -> None:
    """This name was right from here."""
    try:
        cache.set(_known(_hashed(name.strip().casefold()), address), True, KNOWN_SECONDS)
    except redis.RedisError as error:
        log.warning("sign_ins_not_counted", error=repr(error))


def client_address(request: HttpRequest) -> str:
    """Return who asks: the other end of the connection, or what the outermost of NUM_PROXIES own proxies saw.

    What stands further left in X-Forwarded-For the client wrote itself.
    """
    passed = [part.strip() for part in request.META.get("HTTP_X_FORWARDED_FOR", "").split(",") if part.strip()]
    if settings.NUM_PROXIES and passed:
        return str(passed[-min(settings.NUM_PROXIES, len(passed))])
    return str(request.META.get("REMOTE_ADDR") or "")


def _count(what: str, most: int, seconds: int) -> None:
    number, elapsed = divmod(int(time.time()), seconds)
    key = f"guesses:{what}:{number}"
    cache.add(key, 0, 2 * seconds)
    if cache.incr(key) > most:
        raise TooManyGuesses(seconds - elapsed)


def _network(address: str) -> str:
    """One home has a whole /64 of IPv6 to ask from."""
    try:
        found = ipaddress.ip_address(address)
    except ValueError:
        return address
    return str(ipaddress.ip_network(f"{found}/64", strict=False)) if found.version == 6 else str(found)


def _known(who: str, address: str) -> str:
    return f"guesses:known:{who}:{_hashed(address)}"


def _hashed(text: str) -> str:
    return hashlib.sha256(text.encode(errors="replace")).hexdigest()[:32]
