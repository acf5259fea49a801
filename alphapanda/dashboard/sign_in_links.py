"""Signing in by a link that works once: made for one user, kept only as a hash, gone after use."""

import hashlib
from datetime import datetime, timedelta
from typing import TYPE_CHECKING

from django.core import signing
from django.db.models.functions import Now
from django.urls import reverse

from alphapanda.core.clock.market_time import wall_now
from alphapanda.core.ids import new_id
from alphapanda.dashboard.models import SignInLink

if TYPE_CHECKING:
    from django.contrib.auth.models import User

SALT = "alphapanda.sign-in"
LIFETIME = timedelta(hours=12)


def make_sign_in_link(user: "User", *, now: datetime | None = None, lifetime: timedelta = LIFETIME) -> str:
    """Return the path of a link that signs ``user`` in, once. Links of theirs not yet used stop working."""
    token = signing.dumps(str(new_id()), salt=SALT)
    SignInLink.objects.filter(user=user, used_at=None).delete()
    SignInLink.objects.create(user=user, token_hash=token_hash(token), expires_at=(now or wall_now()) + lifetime)
    return reverse("dashboard:sign_in_by_link", args=[token])


def use_sign_in_link(token: str) -> "User | None":
    """Return whom the token lets in, or None: forged, expired or used. One UPDATE decides, so it works once."""
    try:
        signing.loads(token, salt=SALT)
    except signing.BadSignature:
        return None
    link = SignInLink.objects.filter(token_hash=token_hash(token))
    if not link.filter(used_at=None, expires_at__gt=Now()).update(used_at=Now()):
        return None
    found = link.select_related("user").get().user
    return found if found.is_active else None


def token_hash(token: str) -> str:
    return hashlib.sha256(token.encode()).hexdigest()
