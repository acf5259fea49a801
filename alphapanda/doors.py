"""How django-allauth lets people in here: nobody signs up, guesses are counted by us, secrets are kept encrypted.

Its own limits are off (settings): they need Valkey, and whoever would halt must get in without it.
"""

import base64
import hashlib
from datetime import timedelta
from typing import Any

import redis
import structlog
from allauth.account.adapter import DefaultAccountAdapter
from allauth.core import context
from allauth.mfa.adapter import DefaultMFAAdapter
from allauth.mfa.base.forms import AuthenticateForm, ReauthenticateForm
from allauth.mfa.models import Authenticator
from allauth.mfa.totp.internal.auth import validate_totp_code
from cryptography.fernet import Fernet, InvalidToken, MultiFernet
from django.conf import settings
from django.contrib import messages
from django.core.exceptions import ValidationError
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect

from alphapanda.core import proof
from alphapanda.core.clock.market_time import wall_now
from alphapanda.core.guesses import client_address, count_guess

log = structlog.get_logger()
# What is said of each thing done; the library's other sentences are for sites with e-mail.
SAID = {
    "mfa/messages/totp_activated.txt": "Your authenticator app is asked from now on.",
    "mfa/messages/totp_deactivated.txt": "Your authenticator app is no longer asked.",
    "mfa/messages/recovery_codes_generated.txt": "These are new recovery codes; the old ones are void.",
    "mfa/messages/webauthn_added.txt": "The passkey is yours from now on.",
    "mfa/messages/webauthn_removed.txt": "The passkey is removed.",
}
# A code of the app: its own period of 30 s, and one to each side for clocks that differ.
CODE_HOLDS = timedelta(seconds=90)
WRONG_CODE = "This code is wrong, or was used before. Wait for the next one, or use a recovery code."
LOST_KEY = "Your app's secret cannot be read: SECRET_KEY has changed. An administrator can remove the second factor."


class Doors(DefaultAccountAdapter):
    """What the library asks about people."""

    def is_open_for_signup(self, request: HttpRequest) -> bool:
        """Never: an administrator makes people."""
        return False

    def get_client_ip(self, request: HttpRequest) -> str:
        return client_address(request) or "0.0.0.0"  # noqa: S104 (its column takes no empty address)

    def is_reauthentication_required(self, *, app: str, **_: Any) -> bool:
        return not proof.is_fresh(context.request)

    def respond_user_inactive(self, request: HttpRequest, user: Any) -> HttpResponse:
        messages.error(request, "This person may not sign in any more.")
        return redirect("account_login")

    def add_message(
        self,
        request: HttpRequest,
        level: int,
        message_template: str | None = None,
        message_context: dict[str, Any] | None = None,
        extra_tags: str = "",
        message: str | None = None,
    ) -> None:
        if words := message or SAID.get(message_template or ""):
            messages.add_message(request, level, words, extra_tags=extra_tags)


class SecondFactors(DefaultMFAAdapter):
    """Keeps the apps' secrets encrypted under SECRET_KEY, so that a dump alone signs nobody in."""

    error_messages = DefaultMFAAdapter.error_messages | {"incorrect_code": WRONG_CODE}

    def generate_authenticator_name(self, user: Any, type: Authenticator.Type) -> str:
        return f"Passkey {Authenticator.objects.filter(user=user.pk, type=type).count() + 1}"

    def encrypt(self, text: str) -> str:
        return _cipher().encrypt(text.encode()).decode()

    def decrypt(self, encrypted_text: str) -> str:
        try:
            return _cipher().decrypt(encrypted_text.encode()).decode()
        except InvalidToken:
            raise ValidationError(LOST_KEY) from None


def _cipher() -> MultiFernet:
    keys = [settings.SECRET_KEY, *settings.SECRET_KEY_FALLBACKS]
    return MultiFernet([Fernet(_derived(key)) for key in keys])


def _derived(secret: str) -> bytes:
    return base64.urlsafe_b64encode(hashlib.sha256(b"alphapanda.second-factor:" + secret.encode()).digest())


class _Counted:
    """Counts a code as a guess, as a password is; and works without Valkey, which remembers the codes used."""

    user: Any
    cleaned_data: dict[str, Any]
    authenticator: Authenticator

    def clean_code(self) -> str:
        try:
            count_guess(f"code of {self.user.get_username()}", client_address(context.request))
            return str(super().clean_code())  # type: ignore[misc]
        except redis.RedisError as error:
            log.warning("sign_ins_not_counted", error=repr(error))
            return self._clean_without_valkey()

    def _clean_without_valkey(self) -> str:
        """Take each code once by the row: for as long as a code holds, only one is taken."""
        code = str(self.cleaned_data["code"])
        for authenticator in Authenticator.objects.filter(user=self.user).exclude(type=Authenticator.Type.WEBAUTHN):
            if _is_code_of(authenticator, code) and _is_first_use(authenticator):
                self.authenticator = authenticator
                return code
        raise SecondFactors().validation_error("incorrect_code")


def _is_first_use(authenticator: Authenticator) -> bool:
    now = wall_now()
    row = Authenticator.objects.filter(pk=authenticator.pk)
    return row.exclude(last_used_at__gt=now - CODE_HOLDS).update(last_used_at=now) == 1


def _is_code_of(authenticator: Authenticator, code: str) -> bool:
    if authenticator.type != Authenticator.Type.TOTP:
        return bool(authenticator.wrap().validate_code(code))
    return bool(validate_totp_code(SecondFactors().decrypt(authenticator.data["secret"]), code))


class CodeForm(_Counted, AuthenticateForm):
    """A code of the app or a recovery code, at the door."""


class CodeAgainForm(_Counted, ReauthenticateForm):
    """The same, shown again inside."""
