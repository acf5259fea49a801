"""Limits, and how much of each is used: to read. They are set in admin."""

from typing import Any

from django.shortcuts import get_object_or_404
from drf_spectacular.utils import extend_schema
from rest_framework import serializers
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.viewsets import ViewSet

from alphapanda.core.asked import AskedByName
from alphapanda.core.clock import market_now
from portfolio.models import Account
from trading.api.base import ReadViewSet
from trading.models import Deployment, RiskLimit
from trading.risk.account_meters import account_meters, deployment_meters
from trading.risk.meters import Meter


class LimitSerializer(serializers.ModelSerializer[RiskLimit]):
    """Null: no limit of this kind here."""

    class Meta:
        model = RiskLimit
        fields = (
            "id",
            "account",
            "deployment",
            "max_order_value",
            "max_quantity",
            "max_position",
            "max_gross",
            "max_net",
            "max_open_orders",
            "max_orders_minute",
            "max_orders_day",
            "max_daily_loss",
            "max_refusals_minute",
            "max_round_trips_minute",
            "max_turnover_day",
            "price_collar_percent",
            "max_quote_age_seconds",
        )


class LimitViewSet(ReadViewSet):
    """What each account, and each deployment on it, may do at the most."""

    queryset = RiskLimit.objects.all()
    serializer_class = LimitSerializer
    filterset_fields = ("account", "deployment")


class MeterSerializer(serializers.Serializer[Meter]):
    """One limit's use. Null is unknown, or that there is no limit; never zero."""

    code = serializers.CharField()
    title = serializers.CharField()
    level = serializers.ChoiceField(["ok", "near", "full", "unknown", "unlimited"])
    used = serializers.CharField(allow_null=True)
    reserved = serializers.CharField(allow_null=True)
    limit = serializers.CharField(allow_null=True)
    left = serializers.CharField(allow_null=True)
    used_share = serializers.CharField(allow_null=True, help_text="Of the limit; 1 is full.")
    reserved_share = serializers.CharField(allow_null=True)
    used_words = serializers.CharField()
    limit_words = serializers.CharField()
    left_words = serializers.CharField()


class MetersSerializer(serializers.Serializer[Any]):
    account = serializers.UUIDField()
    deployment = serializers.UUIDField(allow_null=True)
    at = serializers.DateTimeField(help_text="Market time.")
    meters = MeterSerializer(many=True)


class MeterQuery(serializers.Serializer[Any]):
    account = serializers.UUIDField(required=False)
    deployment = serializers.UUIDField(required=False)


class MeterViewSet(AskedByName, ViewSet):
    """How much of each limit is used, reserved and left now."""

    questions = ("account", "deployment")

    @extend_schema(parameters=[MeterQuery], responses=MetersSerializer(many=True))
    def list(self, request: Request) -> Response:
        """Of every active account, or of the one account or deployment that is named."""
        query = MeterQuery(data=request.query_params)
        query.is_valid(raise_exception=True)
        return Response(MetersSerializer(_measured(query.validated_data), many=True).data)


def _measured(query: dict[str, Any]) -> list[dict[str, Any]]:
    now = market_now()
    if wanted := query.get("deployment"):
        found = get_object_or_404(Deployment.objects.select_related("account"), pk=wanted)
        meters = deployment_meters(found, now)
        return [{"account": found.account_id, "deployment": found.pk, "at": now, "meters": meters}]
    accounts = Account.objects.active()
    if wanted := query.get("account"):
        accounts = Account.objects.filter(pk=get_object_or_404(Account, pk=wanted).pk)
    return [
        {"account": account.pk, "deployment": None, "at": now, "meters": account_meters(account, now)}
        for account in accounts
    ]
