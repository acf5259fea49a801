"""A person with an authenticator app, and the codes it shows."""

import time
from typing import Any

from allauth.mfa.recovery_codes.internal.auth import RecoveryCodes
from allauth.mfa.totp.internal.auth import TOTP, format_hotp_value, generate_totp_secret, hotp_value
from django.contrib.auth.models import User

PASSWORD = "a long enough secret"


def with_app(user: User) -> str:
    """Give a person an app and recovery codes; returns the app's secret."""
    secret = generate_totp_secret()
    TOTP.activate(user, secret)
    RecoveryCodes.activate(user)
    return secret


def shown(secret: str, periods: int = 0) -> str:
    """Return what the app shows so many periods of 30 s from now."""
    return format_hotp_value(hotp_value(secret, int(time.time()) // 30 + periods))


def signs_in(client: Any, **more: str) -> Any:
    return client.post("/sign-in/", {"username": "mehta", "password": PASSWORD, **more})
