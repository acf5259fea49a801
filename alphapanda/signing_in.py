"""What follows a sign-in, whichever way it was made."""

from typing import Any

from django.contrib.auth.signals import user_logged_in
from django.http import HttpRequest

from alphapanda.core.guesses import client_address, remember_address


def listen() -> None:
    """Begin to follow sign-ins. Only the web has any."""
    user_logged_in.connect(note_sign_in)


def note_sign_in(request: HttpRequest | None, user: Any, **_: Any) -> None:
    if request:
        remember_address(user.get_username(), client_address(request))
