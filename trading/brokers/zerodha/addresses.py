"""Where Kite is: practice talks to this machine only, and money never travels in the clear."""

from __future__ import annotations

import ipaddress
from urllib.parse import urlsplit

from django.conf import settings
from django.core.exceptions import ImproperlyConfigured

PRACTICE = "practice"
_CLEAR = ("http", "ws")


class AddressRefused(ImproperlyConfigured):
    """A broker address that this installation must not use."""


def guard_address(url: str, kind: str) -> str:
    """Return ``url`` if an installation of this kind may use it. Raises AddressRefused in words.

    A practice installation reaches kitesim on loopback and nothing else, so that no mistake in
    the environment can send a practice order to a real broker.
    """
    parts = urlsplit(url)
    if kind == PRACTICE and not is_loopback(parts.hostname or ""):
        raise AddressRefused(f"a practice installation may only use a broker on this machine, not {parts.hostname}")
    if parts.scheme in _CLEAR and not is_loopback(parts.hostname or ""):
        raise AddressRefused(f"{parts.scheme} to {parts.hostname} would send the access token in the clear")
    return url


def is_loopback(host: str) -> bool:
    if host == "localhost":
        return True
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return False


def rest_root() -> str:
    return guard_address(settings.KITE_ROOT, settings.KIND)


def login_root() -> str:
    return guard_address(settings.KITE_LOGIN_ROOT, settings.KIND)


def ticker_root() -> str:
    return guard_address(settings.KITE_TICKER_ROOT, settings.KIND)
