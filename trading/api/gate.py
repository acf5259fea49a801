"""The gate: see it, halt, let only exits through, resume. And the broker's sessions, to read."""

from typing import Any

from drf_spectacular.utils import extend_schema, extend_schema_serializer
from rest_framework import serializers
from rest_framework.decorators import action
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.viewsets import ViewSet

from alphapanda.core.asked import AskedByName
from alphapanda.core.roles import Right
from portfolio.models import Account
from trading.api.access import actor_name, holds
from trading.api.base import ReadViewSet
from trading.api.idempotency import done_once
from trading.api.order_shapes import ExitSerializer, OrderSerializer
from trading.api.problems import Unavailable
from trading.exits.opening import flatten
from trading.models import BrokerSession, Gate, Order
from trading.orders.gates import flag_file, gate_in_force
from trading.orders.kill_switch import OnlyFlagged, set_level
from trading.orders.life_cycle import GateState


class GateSerializer(serializers.ModelSerializer[Gate]):
    class Meta:
        model = Gate
        fields = ("account", "is_global", "state", "reason", "changed_by", "changed_at")


@extend_schema_serializer(many=False)
class GateViewSerializer(serializers.Serializer[Any]):
    """Every gate. The strictest that covers an account holds for it."""

    flag_file = serializers.BooleanField(help_text="A HALT file stands in the state folder: everything is halted.")
    gates = GateSerializer(many=True)
    effective = serializers.DictField(child=serializers.CharField(), help_text="By account id: what holds now.")


class GateChangeSerializer(serializers.Serializer[Any]):
    account = serializers.PrimaryKeyRelatedField(
        queryset=Account.objects.all(), required=False, allow_null=True, default=None, help_text="Null: everything."
    )
    reason = serializers.CharField(max_length=300, required=False, default="", allow_blank=True)


class GateChangedSerializer(GateViewSerializer):
    on_their_way = OrderSerializer(many=True, help_text="Sent before: this does not stop them.")


class GateViewSet(AskedByName, ViewSet):
    """Whether orders may leave. Orders that only shrink a position always may."""

    bodies = dict.fromkeys(("halt", "reduce_only", "flatten", "resume"), GateChangeSerializer)

    # One gate and not a list of them: the router's list route is its address.
    @extend_schema(operation_id="gate_retrieve", responses=GateViewSerializer)
    def list(self, request: Request) -> Response:
        return Response(GateViewSerializer(_view()).data)

    @extend_schema(request=GateChangeSerializer, responses=GateChangedSerializer)
    @action(detail=False, methods=["post"])
    @done_once()
    def halt(self, request: Request) -> Response:
        """Refuse every order that is not an exit. After the answer no such order can start on its way.

        Without an account the flag file is written first: it holds whatever becomes of the database.
        """
        return _changed(request, GateState.HALTED)

    @extend_schema(request=GateChangeSerializer, responses=GateChangedSerializer)
    @action(detail=False, methods=["post"])
    @done_once()
    def reduce_only(self, request: Request) -> Response:
        """Let only orders through that shrink a position. A halt gives way to it for whoever may resume."""
        return _changed(request, GateState.REDUCE_ONLY)

    @extend_schema(request=GateChangeSerializer, responses=ExitSerializer(many=True))
    @action(detail=False, methods=["post"])
    @done_once()
    def flatten(self, request: Request) -> Response:
        """Let only exits through, take every entry back, and leave every position. Answers with the exits."""
        asked = GateChangeSerializer(data=request.data)
        asked.is_valid(raise_exception=True)
        chosen = asked.validated_data
        plans = flatten(chosen["account"], actor_name(request), chosen["reason"])
        return Response(ExitSerializer(plans, many=True).data)

    @extend_schema(request=GateChangeSerializer, responses=GateChangedSerializer)
    @action(detail=False, methods=["post"])
    @done_once()
    def resume(self, request: Request) -> Response:
        """Let orders pass the risk rules again. Only a flag file that was raised over the web is removed by it."""
        return _changed(request, GateState.ACTIVE)


def _changed(request: Request, state: GateState) -> Response:
    asked = GateChangeSerializer(data=request.data)
    asked.is_valid(raise_exception=True)
    chosen = asked.validated_data
    only_stricter = not holds(request, Right.EASE)
    who, reason = actor_name(request), chosen["reason"]
    try:
        on_their_way: list[Order] = set_level(chosen["account"], state, who, reason, only_stricter=only_stricter)
    except OnlyFlagged as halted:
        raise Unavailable(f"{halted}. Ask again with the same key.") from halted
    return Response(GateChangedSerializer({**_view(), "on_their_way": on_their_way}).data)


def _view() -> dict[str, Any]:
    accounts = Account.objects.active().values_list("pk", flat=True)
    return {
        "flag_file": flag_file().exists(),
        "gates": Gate.objects.order_by("-is_global", "account__name"),
        "effective": {str(account): gate_in_force(account) for account in accounts},
    }


class BrokerSessionSerializer(serializers.ModelSerializer[BrokerSession]):
    """A login at the broker: that it stands and until when, and none of its secrets."""

    class Meta:
        model = BrokerSession
        fields = ("id", "account", "user_id", "state", "login_at", "expires_at", "version")


class BrokerSessionViewSet(ReadViewSet):
    """Each account's login at its broker."""

    queryset = BrokerSession.objects.all()
    serializer_class = BrokerSessionSerializer
    filterset_fields = ("account", "state")
