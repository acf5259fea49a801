"""Exits: read, leave a position, take a limit by hand back."""

from typing import Any

import django_filters
from drf_spectacular.utils import extend_schema
from rest_framework import serializers, status
from rest_framework.decorators import action
from rest_framework.request import Request
from rest_framework.response import Response

from instruments.named import ByInstrument
from portfolio.models import Position
from trading.api.access import actor_name, require_account
from trading.api.base import ReadViewSet
from trading.api.idempotency import done_once
from trading.api.order_shapes import ExitSerializer
from trading.exits.opening import exit_holding, withdraw_exit
from trading.models import ExitPlan
from trading.orders.life_cycle import Urgency


class ExitFilter(ByInstrument):
    is_open = django_filters.BooleanFilter("finished_at", "isnull")

    class Meta:
        model = ExitPlan
        fields = ("account", "portfolio", "deployment", "urgency", "needs_person")


class LeaveSerializer(serializers.Serializer[Any]):
    position = serializers.PrimaryKeyRelatedField(
        queryset=Position.objects.select_related("portfolio__account", "instrument"), help_text="Whatever its state."
    )


class ExitViewSet(ReadViewSet):
    """What is being left, how far it has come, and what it waits for."""

    queryset = ExitPlan.objects.select_related("instrument")
    serializer_class = ExitSerializer
    filterset_class = ExitFilter
    bodies = {"create": LeaveSerializer}

    @extend_schema(request=LeaveSerializer, responses={202: ExitSerializer})
    @done_once(required=True)
    def create(self, request: Request) -> Response:
        """Leave a position at market, asking more each time it is not taken, until it is flat."""
        asked = LeaveSerializer(data=request.data)
        asked.is_valid(raise_exception=True)
        who, position = actor_name(request), asked.validated_data["position"]
        require_account(request, position.portfolio.account_id)
        plan = exit_holding(position, Urgency.NOW, f"exit by {who}", who)
        return Response(ExitSerializer(plan).data, status=status.HTTP_202_ACCEPTED)

    @extend_schema(request=None, responses={202: ExitSerializer})
    @action(detail=True, methods=["post"])
    @done_once()
    def withdraw(self, request: Request, pk: str | None = None) -> Response:
        """Take a limit by hand back. Any other exit goes on until it is flat."""
        plan = self.get_object()
        require_account(request, plan.account_id)
        withdraw_exit(plan, actor_name(request))
        plan.refresh_from_db()
        return Response(ExitSerializer(plan).data, status=status.HTTP_202_ACCEPTED)
