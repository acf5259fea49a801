"""Who may ask what: people as far as their role, tokens as far as their scope as well, and nobody too often."""

from typing import Any

import redis
import structlog
from django.db.models import Model, QuerySet
from django.urls import reverse
from drf_spectacular.contrib.knox_auth_token import KnoxTokenScheme
from knox.auth import TokenAuthentication
from knox.models import AuthToken
from rest_framework.exceptions import AuthenticationFailed, PermissionDenied
from rest_framework.filters import BaseFilterBackend
from rest_framework.permissions import SAFE_METHODS, BasePermission
from rest_framework.request import Request
from rest_framework.throttling import UserRateThrottle

from alphapanda.core import proof, roles
from alphapanda.core.journal.models import Event
from alphapanda.core.roles import Right
from portfolio.models import Account, LedgerEntry, Lot, PnlSnapshot, Portfolio, Position, Trade
from trading.models import (
    ApiToken,
    BrokerSession,
    Deployment,
    Evaluation,
    ExitPlan,
    Fill,
    Order,
    RiskDecision,
    RiskLimit,
    Run,
    Signal,
)

log = structlog.get_logger()
LONGEST_NAME = 100


# What a token's scope must reach for a right; a token never holds more than its owner.
SCOPES = {Right.LOOK: ApiToken.Scope.READ, Right.HALT: ApiToken.Scope.HALT}
# How each row leads to its account. What is not here belongs to nobody's account.
ACCOUNTS: dict[type[Model], str] = {
    Account: "pk",
    Portfolio: "account",
    Position: "portfolio__account",
    Lot: "position__portfolio__account",
    Trade: "account",
    LedgerEntry: "account",
    PnlSnapshot: "portfolio__account",
    BrokerSession: "account",
    Deployment: "account",
    Run: "deployment__account",
    Evaluation: "run__deployment__account",
    Signal: "account",
    RiskDecision: "signal__account",
    Order: "account",
    Fill: "order__account",
    ExitPlan: "account",
    RiskLimit: "account",
    Event: "account_id",
}


class LivingTokens(TokenAuthentication):
    """The library's, without those whose owner has changed the password since they were made."""

    def validate_user(self, auth_token: AuthToken) -> tuple[Any, AuthToken]:
        grant = ApiToken.objects.filter(token=auth_token).first()
        if grant is None or not grant.lives_with(auth_token.user):
            raise AuthenticationFailed("Invalid token.")
        # Kept with it: what it may do is asked again for this request.
        auth_token.grant = grant
        return auth_token.user, auth_token


class LivingTokenScheme(KnoxTokenScheme):  # type: ignore[no-untyped-call]
    """Describes it in the schema as the library's is described."""

    target_class = "trading.api.access.LivingTokens"


class MayAct(BasePermission):
    """Whether the role reaches the right that the table (``roles.REST``) names for the route and action.

    A token needs a scope that reaches as far, too. Browsers' writes carry a CSRF token.
    """

    message = "Your role, or this token's scope, does not reach that far."

    def has_permission(self, request: Request, view: Any) -> bool:
        if not (request.user and request.user.is_authenticated):
            return False
        right = right_needed(request, view)
        if right is None or not holds(request, right):
            return False
        if right in roles.PROVED and not isinstance(request.auth, AuthToken) and not proof.is_fresh(request._request):
            raise PermissionDenied(f"Show again that it is you, at {reverse('account_reauthenticate')}.")
        return True


def right_needed(request: Request, view: Any) -> Right | None:
    """Return what the table asks for; None where it has no row, which nobody gets past."""
    match = request.resolver_match
    row = roles.REST.get(getattr(view, "basename", "") or (match and match.url_name) or "nothing")
    if row is None or request.method in SAFE_METHODS:
        return None if row is None else Right.LOOK
    # A method that a view does not have is refused by the view, in its own words.
    return row.get(getattr(view, "action", None) or "", Right.TRADE)


def holds(request: Request, right: Right) -> bool:
    """Whether who asks holds a right, by role and, if it is a token, by scope."""
    if not roles.may(request.user, right):
        return False
    if not isinstance(request.auth, AuthToken):
        return True
    return bool(request.auth.grant.allows(SCOPES.get(right, ApiToken.Scope.TRADE)))


def require_account(request: Request, account: Any) -> None:
    """Raise PermissionDenied unless who asks may act on this account."""
    if not roles.may_touch(request.user, account):
        raise PermissionDenied("This account is not yours.")


def sees_own_only(user: Any) -> bool:
    return roles.may(user, Right.TRADE) and not roles.may(user, Right.EVERY_ACCOUNT)


class OwnAccounts(BaseFilterBackend):
    """A trader is answered with rows of their own accounts; what is of no account, everybody gets."""

    def filter_queryset(self, request: Request, queryset: QuerySet[Any], view: Any) -> QuerySet[Any]:
        path = ACCOUNTS.get(queryset.model)
        if path is None or not sees_own_only(request.user):
            return queryset
        own = Account.objects.filter(owners=request.user.pk).values("pk")
        return queryset.filter(**{f"{path}__in": own})


def actor_name(request: Request) -> str:
    """Return who asks, as rows and screens name them: the person, and the token if it was one."""
    name = str(request.user.get_username())
    if isinstance(request.auth, AuthToken):
        name += f" by token {request.auth.grant.name}"
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
