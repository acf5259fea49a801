"""Whether who asks has shown lately that it is them: a session lives for hours, and screens are left alone.

The marks stand in the session; PostgreSQL keeps it. A person with nothing to show (no password, no second factor: the
practice desk's, who came by a link) is not asked.
"""

import time
from datetime import timedelta
from typing import Any

from allauth.account.internal.flows.reauthentication import suspend_request
from allauth.account.signals import authentication_step_completed
from allauth.mfa.models import Authenticator
from allauth.mfa.utils import is_mfa_enabled
from django.contrib.auth.signals import user_logged_in
from django.http import HttpRequest, HttpResponse
from django.urls import reverse

GOOD_FOR = timedelta(minutes=15)
SHOWN_AT, SECOND_SHOWN_AT = "proof_at", "second_factor_at"


def listen() -> None:
    """Begin to mark sessions: whoever signs in, or shows it again, has just shown it."""
    user_logged_in.connect(_note_sign_in)
    authentication_step_completed.connect(_note_step)


def _note_sign_in(request: HttpRequest | None, **_: Any) -> None:
    if request is not None:
        request.session[SHOWN_AT] = time.time()


def _note_step(request: HttpRequest, method: str, **_: Any) -> None:
    request.session[SHOWN_AT] = time.time()
    if method == "mfa":
        request.session[SECOND_SHOWN_AT] = time.time()


def has_second_factor(user: Any) -> bool:
    """Recovery codes alone are none: they stand in for one that was lost."""
    return bool(is_mfa_enabled(user, [Authenticator.Type.TOTP, Authenticator.Type.WEBAUTHN]))


def is_fresh(request: HttpRequest) -> bool:
    """Whether the person showed a password, a code or a passkey in the last ``GOOD_FOR``, or has none of these."""
    return _is_recent(request, SHOWN_AT) or not can_prove(request.user)


def second_is_fresh(request: HttpRequest) -> bool:
    """Whether the second factor itself was shown in the last ``GOOD_FOR``."""
    return has_second_factor(request.user) and _is_recent(request, SECOND_SHOWN_AT)


def can_prove(user: Any) -> bool:
    return user.has_usable_password() or has_second_factor(user)


def ask_again(request: HttpRequest, *, second: bool = False) -> HttpResponse:
    """Send the person to show it; what they asked for, a POST included, is done right afterwards."""
    return suspend_request(request, reverse(_way(request.user, second)))


def _way(user: Any, second: bool) -> str:
    if not has_second_factor(user):
        return "mfa_index" if second else "account_reauthenticate"
    is_app = is_mfa_enabled(user, [Authenticator.Type.TOTP])
    return "mfa_reauthenticate" if is_app else "mfa_reauthenticate_webauthn"


def _is_recent(request: HttpRequest, mark: str) -> bool:
    return time.time() - float(request.session.get(mark, 0)) < GOOD_FOR.total_seconds()
