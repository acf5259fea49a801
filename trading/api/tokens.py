"""Tokens for scripts: made by a person with their password, revoked by them as well by session; never by a token."""

from collections.abc import Sequence
from datetime import timedelta
from typing import Any

from django.conf import settings
from django.contrib.auth import authenticate
from django.db import transaction
from django.db.models import QuerySet
from django.db.models.functions import Now
from drf_spectacular.utils import extend_schema
from knox.models import AuthToken
from rest_framework import serializers, status
from rest_framework.authentication import BaseAuthentication, BasicAuthentication, SessionAuthentication
from rest_framework.mixins import DestroyModelMixin
from rest_framework.request import Request
from rest_framework.response import Response

from alphapanda.core import proof
from alphapanda.core.journal.services import record_event
from alphapanda.doors import CodeAgainForm
from trading.api.base import ReadViewSet
from trading.errors import NotAllowed
from trading.models import ApiToken

MOST_TOKENS = settings.REST_KNOX["TOKEN_LIMIT_PER_USER"]
LONGEST_DAYS = 365


class ApiTokenSerializer(serializers.ModelSerializer[ApiToken]):
    expires_at = serializers.DateTimeField(source="token.expiry", read_only=True)

    class Meta:
        model = ApiToken
        fields = ("id", "name", "scope", "created_at", "expires_at")


class NewTokenSerializer(serializers.Serializer[Any]):
    name = serializers.CharField(max_length=64, help_text="What it is for.")
    scope = serializers.ChoiceField(ApiToken.Scope.choices, default=ApiToken.Scope.READ)
    days = serializers.IntegerField(min_value=1, max_value=LONGEST_DAYS, default=90)
    password = serializers.CharField(
        required=False, trim_whitespace=False, write_only=True, help_text="Needed again where a session asks."
    )
    code = serializers.CharField(
        required=False, max_length=32, write_only=True, help_text="Of the second factor, where the person has one."
    )


class MadeTokenSerializer(ApiTokenSerializer):
    """``token`` is shown here and never again; only its hash is kept."""

    token = serializers.CharField(source="shown", read_only=True)

    class Meta(ApiTokenSerializer.Meta):
        fields = (*ApiTokenSerializer.Meta.fields, "token")


class TokenViewSet(DestroyModelMixin, ReadViewSet):
    """One's own tokens. Send one as ``Authorization: Token …``."""

    queryset = ApiToken.objects.none()
    serializer_class = ApiTokenSerializer
    bodies = {"create": NewTokenSerializer}

    def get_authenticators(self) -> Sequence[BaseAuthentication]:  # type: ignore[override]
        return [BasicAuthentication(), SessionAuthentication()]

    def get_queryset(self) -> QuerySet[ApiToken]:
        return tokens_of(self.request.user)

    @extend_schema(request=NewTokenSerializer, responses={201: MadeTokenSerializer})
    def create(self, request: Request) -> Response:
        """Make a token. Copy it from the answer: it is not shown again."""
        asked = NewTokenSerializer(data=request.data)
        asked.is_valid(raise_exception=True)
        if self.get_queryset().count() >= MOST_TOKENS:
            raise NotAllowed(f"{MOST_TOKENS} tokens are the most one person may have: revoke one first")
        chosen = asked.validated_data
        require_password(request, chosen.pop("password", ""))
        require_code(request, chosen.pop("code", ""))
        made = make_token(request.user, **chosen)
        return Response(MadeTokenSerializer(made).data, status=status.HTTP_201_CREATED)

    def perform_destroy(self, instance: ApiToken) -> None:
        revoke_token(instance, self.request.user)


def require_password(request: Request, password: str) -> None:
    """Refuse a session that does not know the password; Basic authentication has just shown it.

    It counts as a guess, as every other try does. Raises ValidationError, or TooManyGuesses.
    """
    if isinstance(request.successful_authenticator, BasicAuthentication):
        return
    name = request.user.get_username()
    # A session's request is Django's own underneath; guesses are counted by its address.
    if authenticate(request._request, username=name, password=password) != request.user:
        raise serializers.ValidationError({"password": ["Type your password again: it is not right."]})


def require_code(request: Request, code: str) -> None:
    """Refuse who has a second factor and shows none: a token would get round it. It counts as a guess, too."""
    if not proof.has_second_factor(request.user) or proof.second_is_fresh(request._request):
        return
    form = CodeAgainForm({"code": code}, user=request.user)
    if not form.is_valid():
        raise serializers.ValidationError({"code": list(form.errors["code"])})


def tokens_of(user: Any) -> QuerySet[ApiToken]:
    """Return a person's tokens that are still good."""
    return ApiToken.objects.filter(token__expiry__gt=Now(), token__user=user.pk).select_related("token")


@transaction.atomic
def revoke_token(token: ApiToken, by: Any) -> None:
    record_event("token.revoked", key=str(token.pk), payload=_token_json(token, by))
    token.token.delete()


@transaction.atomic
def make_token(user: Any, name: str, scope: str, days: int) -> ApiToken:
    """Make a token that ends after ``days``; its text is on the returned row as ``shown``, and nowhere else."""
    token, text = AuthToken.objects.create(user, expiry=timedelta(days=days))
    made = ApiToken.objects.create(token=token, name=name, scope=scope, password_mark=user.get_session_auth_hash())
    made.shown = text  # type: ignore[attr-defined]
    record_event("token.made", key=str(made.pk), payload=_token_json(made, user))
    return made


def _token_json(token: ApiToken, user: Any) -> dict[str, str]:
    return {"name": token.name, "scope": token.scope, "by": user.get_username()}
