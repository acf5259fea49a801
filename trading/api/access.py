"""Who may ask what: signed-in people anything, tokens as far as their scope, and nobody too often."""

from typing import Any

import redis
import structlog
from knox.models import AuthToken
from rest_framework.permissions import SAFE_METHODS, BasePermission
from rest_framework.request import Request
from rest_framework.throttling import UserRateThrottle

from trading.models import ApiToken

log = structlog.get_logger()
LONGEST_NAME = 100


class MayAct(BasePermission):
    """Reading needs any token; a write needs the scope its view names for the action, or ``trade``.

    A session is a person at a browser: it may do all that the pages offer (and its writes carry a CSRF token).
    """

    message = "This token's scope does not reach that far."

    def has_permission(self, request: Request, view: Any) -> bool:
        if not (request.user and request.user.is_authenticated):
            return False
        if request.method in SAFE_METHODS:
            return True
        needed = getattr(view, "scopes", {}).get(getattr(view, "action", None), ApiToken.Scope.TRADE)
        return reaches(request, needed)


def reaches(request: Request, needed: str) -> bool:
    """Whether who asks may do what needs this scope; a person at a browser may."""
    if not isinstance(request.auth, AuthToken):
        return True
    grant = ApiToken.objects.filter(token=request.auth).first()
    return grant is not None and grant.allows(needed)


def actor_name(request: Request) -> str:
    """Return who asks, as rows and screens name them: the person, and the token if it was one."""
    name = str(request.user.get_username())
    if isinstance(request.auth, AuthToken):
        grant = ApiToken.objects.filter(token=request.auth).first()
        name += f" by token {grant.name}" if grant else " by token"
    return name[:LONGEST_NAME]


class PerUser(UserRateThrottle):
    """So many requests a minute by one person or address."""

    def allow_request(self, request: Request, view: Any) -> bool:
        # Counting needs Valkey; a halt must get through without it. What reaches a broker has limits of its own.
        try:
            return bool(super().allow_request(request, view))
        except redis.RedisError as error:
            log.warning("requests_not_counted", error=repr(error))
            return True
