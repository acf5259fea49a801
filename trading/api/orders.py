"""Orders: read, place through the gate, cancel. Fills are read."""

from typing import Any

import django_filters
from django.db.models import QuerySet
from drf_spectacular.utils import extend_schema
from rest_framework import status
from rest_framework.decorators import action
from rest_framework.exceptions import PermissionDenied
from rest_framework.request import Request
from rest_framework.response import Response

from alphapanda.core.roles import Right
from instruments.named import ByInstrument
from trading.api.access import actor_name, holds, require_account
from trading.api.base import ReadViewSet, as_json, json_fragments
from trading.api.idempotency import done_once, service_key
from trading.api.order_shapes import (
    ORDER_FIELDS,
    FillSerializer,
    OrderSerializer,
    OrderStorySerializer,
    PlacedSerializer,
    PlaceOrderSerializer,
)
from trading.api.problems import ChoiceSchema
from trading.exits.by_hand import place_by_hand
from trading.models import Fill, Order
from trading.orders.requests import request_cancellation


class OrderFilter(ByInstrument):
    is_live = django_filters.BooleanFilter(method="filter_live", label="may still fill")
    market_time_from = django_filters.IsoDateTimeFilter("market_time", "gte")
    market_time_to = django_filters.IsoDateTimeFilter("market_time", "lt")

    class Meta:
        model = Order
        fields = (
            "account",
            "portfolio",
            "deployment",
            "signal",
            "side",
            "product",
            "state",
            "is_exit",
            "tag",
            "broker_order_id",
        )

    def filter_live(self, rows: Any, name: str, wanted: bool) -> QuerySet[Order]:
        return rows.live() if wanted else rows.exclude(pk__in=Order.objects.live())


class OrderViewSet(ReadViewSet):
    """Orders by hand and by strategies. Whoever places one is answered with its signal: the gate decides."""

    queryset = Order.objects.select_related("instrument")
    serializer_class = OrderSerializer
    filterset_class = OrderFilter
    bodies = {"create": PlaceOrderSerializer}

    def get_queryset(self) -> QuerySet[Order]:
        if self.action == "retrieve":
            return Order.objects.select_related(
                "instrument", "signal__decision", "signal__instrument"
            ).prefetch_related("transitions", "fills__trade")
        return super().get_queryset()

    def get_serializer_class(self) -> Any:
        return OrderStorySerializer if self.action == "retrieve" else OrderSerializer

    def list(self, request: Request, *args: Any, **kwargs: Any) -> Response:
        rows = as_json(self.filter_queryset(Order.objects.all()), ORDER_FIELDS)
        return self.get_paginated_response(json_fragments(self.paginate_queryset(rows) or ()))

    @extend_schema(request=PlaceOrderSerializer, responses={202: PlacedSerializer, 409: ChoiceSchema})
    @done_once(required=True)
    def create(self, request: Request) -> Response:
        """Ask the gate for an order. The answer is its signals; read them again for decisions and orders.

        Where strategies hold what it would close, say whose it `closes`, or that it stands `apart`: without either the
        answer is 409 with the choices, and nothing is asked.
        """
        asked = PlaceOrderSerializer(data=request.data)
        asked.is_valid(raise_exception=True)
        require_account(request, asked.validated_data["account"])
        placed = place_by_hand(**asked.validated_data, by=actor_name(request), key=service_key(request))
        return Response(PlacedSerializer(placed).data, status=status.HTTP_202_ACCEPTED)

    @extend_schema(request=None, responses={202: OrderSerializer})
    @action(detail=True, methods=["post"])
    @done_once()
    def cancel(self, request: Request, pk: str | None = None) -> Response:
        """Ask for the order's cancellation. It is cancelled when its broker says so. An exit needs the trade right."""
        order = self.get_object()
        require_account(request, order.account_id)
        if order.is_exit and not holds(request, Right.TRADE):
            raise PermissionDenied("This order leaves a position: to take it back needs the right to trade.")
        request_cancellation(order, asked_by=actor_name(request))
        return Response(OrderSerializer(order).data, status=status.HTTP_202_ACCEPTED)


class FillFilter(django_filters.FilterSet):
    account = django_filters.UUIDFilter("order__account")
    deployment = django_filters.UUIDFilter("order__deployment")
    at_from = django_filters.IsoDateTimeFilter("at", "gte")
    at_to = django_filters.IsoDateTimeFilter("at", "lt")

    class Meta:
        model = Fill
        fields = ("account", "deployment", "order")


class FillViewSet(ReadViewSet):
    """Booked trades of our orders."""

    queryset = Fill.objects.select_related("order__instrument", "trade")
    serializer_class = FillSerializer
    filterset_class = FillFilter
