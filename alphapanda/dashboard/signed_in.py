"""Whether a browser that connected a while ago is still signed in."""

from collections.abc import Mapping
from importlib import import_module
from typing import Any

from django.conf import settings
from django.contrib.auth import HASH_SESSION_KEY, SESSION_KEY, get_user_model
from django.utils.crypto import constant_time_compare


def still_signed_in(asked: Mapping[str, Any]) -> set[str]:
    """Return those session keys of ``asked`` (session key → user id) that still belong to their active user."""
    users = {user.pk: user for user in get_user_model().objects.filter(pk__in=set(asked.values()), is_active=True)}
    return {key for key, user_id in asked.items() if user_id in users and belongs_to(key, users[user_id])}


def belongs_to(session_key: str, user: Any) -> bool:
    """A session that was ended is empty; one from before a change of password carries another hash."""
    session = import_module(settings.SESSION_ENGINE).SessionStore(session_key)
    is_theirs = session.get(SESSION_KEY) == str(user.pk)
    return is_theirs and constant_time_compare(session.get(HASH_SESSION_KEY, ""), user.get_session_auth_hash())
