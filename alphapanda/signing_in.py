"""Who signed in, from where and how it ended: in the log, and in the journal for people there are."""

from typing import Any

import structlog
from allauth.mfa import signals as second_factors
from django.contrib.auth import get_user_model
from django.contrib.auth.signals import user_logged_in, user_logged_out, user_login_failed
from django.db import DatabaseError
from django.http import HttpRequest

from alphapanda.core.guesses import client_address, remember_address
from alphapanda.core.journal.services import record_event

log = structlog.get_logger()
LONGEST_NAME = 150
FACTORS = {"totp": "authenticator app", "webauthn": "passkey", "recovery_codes": "recovery codes"}


def listen() -> None:
    """Begin to follow sign-ins. Only the web has any."""
    user_logged_in.connect(note_sign_in)
    user_login_failed.connect(note_refusal)
    user_logged_out.connect(note_sign_out)
    second_factors.authentication_failed.connect(note_wrong_code)
    second_factors.authenticator_added.connect(note_factor_added)
    second_factors.authenticator_removed.connect(note_factor_removed)


def note_sign_in(request: HttpRequest | None, user: Any, **_: Any) -> None:
    address = address_of(request)
    remember_address(user.get_username(), address)
    note("person.signed_in", user.get_username(), address)


def note_refusal(credentials: dict[str, Any], request: HttpRequest | None = None, **_: Any) -> None:
    name = str(credentials.get("username", ""))[:LONGEST_NAME]
    # Of names nobody has there is no end; the log is enough for them.
    is_known = "\0" not in name and get_user_model().objects.filter(username=name).exists()
    note("person.refused", name, address_of(request), in_journal=is_known)


def note_sign_out(request: HttpRequest | None, user: Any, **_: Any) -> None:
    if user is not None:
        note("person.signed_out", user.get_username(), address_of(request))


def note_wrong_code(request: HttpRequest, user: Any, **_: Any) -> None:
    note("person.wrong_code", user.get_username(), address_of(request))


def note_factor_added(request: HttpRequest, user: Any, authenticator: Any, **_: Any) -> None:
    note("person.factor_added", user.get_username(), address_of(request), what=FACTORS[authenticator.type])


def note_factor_removed(request: HttpRequest, user: Any, authenticator: Any, **_: Any) -> None:
    note("person.factor_removed", user.get_username(), address_of(request), what=FACTORS[authenticator.type])


def note(kind: str, name: str, address: str, *, in_journal: bool = True, **more: str) -> None:
    log.info(kind.replace("person.", "person_"), person=name, address=address, **more)
    if not in_journal:
        return
    try:
        record_event(kind, key=name[:128], payload={"by": name, "address": address, **more})
    except DatabaseError as error:
        # A halt waits behind a sign-in: it is not held up for want of a note.
        log.warning("sign_in_not_recorded", error=repr(error))


def address_of(request: HttpRequest | None) -> str:
    return client_address(request) if request else ""
