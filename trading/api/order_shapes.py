"""How orders and fills look from outside, and what must be said to place one."""

from decimal import Decimal
from typing import Any

from rest_framework import serializers

from instruments.domain.order_terms import (
    ORDER_TYPE_LABELS,
    PRODUCT_LABELS,
    SIDE_LABELS,
    VALIDITY_LABELS,
    Validity,
    choices_from,
    price_problems,
)
from instruments.models import Instrument
from instruments.named import KEY_WORDS, WithInstrument, instrument_named
from portfolio.models import Account
from trading.api.signals import DecisionSerializer, SignalSerializer
from trading.models import Deployment, ExitPlan, Fill, Order, OrderTransition
from trading.models.columns import choices_of
from trading.orders.life_cycle import OrderState

ORDER_FIELDS = (
    "id",
    "tag",
    "signal",
    "slice",
    "account",
    "portfolio",
    "deployment",
    "instrument",
    "side",
    "quantity",
    "filled_quantity",
    "reported_filled",
    "ended_as",
    "order_type",
    "product",
    "validity",
    "price",
    "trigger_price",
    "average_price",
    "state",
    "state_reason",
    "is_exit",
    "reserved",
    "broker_order_id",
    "market_time",
    "send_by",
    "expires_at",
    "cancel_requested_at",
    "cancel_requested_by",
    "created_at",
    "updated_at",
)
ORDER_STATES = choices_of(OrderState)
PRODUCTS = choices_from(PRODUCT_LABELS)
HIGHEST_QUANTITY = 10_000_000


class OrderSerializer(WithInstrument):
    class Meta:
        model = Order
        fields = ORDER_FIELDS


class TransitionSerializer(serializers.ModelSerializer[OrderTransition]):
    details = serializers.DictField(read_only=True)

    class Meta:
        model = OrderTransition
        fields = ("id", "before", "after", "actor", "reason", "details", "market_time", "written_at")


class FillSerializer(serializers.ModelSerializer[Fill]):
    instrument = serializers.CharField(source="order.instrument.key", read_only=True, help_text=KEY_WORDS)
    trade_id = serializers.CharField(source="trade.trade_id", read_only=True, help_text="The exchange's.")
    charges = serializers.DecimalField(
        18, 6, source="trade.charges", read_only=True, allow_null=True, help_text="Null: no rate is known."
    )

    class Meta:
        model = Fill
        fields = (
            "id",
            "order",
            "instrument",
            "trade",
            "trade_id",
            "signed_quantity",
            "price",
            "charges",
            "at",
            "written_at",
        )


class OrderStorySerializer(OrderSerializer):
    """One order from signal to fill."""

    asked = SignalSerializer(source="signal", read_only=True)
    decision = DecisionSerializer(source="signal.decision", read_only=True)
    transitions = TransitionSerializer(many=True, read_only=True)
    fills = FillSerializer(many=True, read_only=True)

    class Meta(OrderSerializer.Meta):
        fields = (*ORDER_FIELDS, "asked", "decision", "transitions", "fills")


class ExitSerializer(WithInstrument):
    """An exit that is followed up until nothing is held or out."""

    is_open = serializers.BooleanField(read_only=True)
    numbers = serializers.DictField(read_only=True, help_text="The numbers in the reason.")

    class Meta:
        model = ExitPlan
        fields = (
            "id",
            "account",
            "portfolio",
            "deployment",
            "instrument",
            "product",
            "side",
            "quantity",
            "limit",
            "urgency",
            "reason",
            "numbers",
            "asked_by",
            "opened_at",
            "deadline",
            "state_reason",
            "needs_person",
            "is_open",
            "finished_at",
        )


class PlacedSerializer(serializers.Serializer[Any]):
    """What became of an order by hand: its parts that the gate judges, and the exits of deployments it closes."""

    signals = SignalSerializer(many=True, read_only=True)
    exits = ExitSerializer(many=True, read_only=True)


class PlaceOrderSerializer(serializers.Serializer[Any]):
    account = serializers.PrimaryKeyRelatedField(queryset=Account.objects.all())
    instrument = serializers.CharField(max_length=80, help_text=KEY_WORDS)
    side = serializers.ChoiceField(choices_from(SIDE_LABELS))
    quantity = serializers.IntegerField(min_value=1, max_value=HIGHEST_QUANTITY, help_text="In units, not lots.")
    order_type = serializers.ChoiceField(choices_from(ORDER_TYPE_LABELS))
    product = serializers.ChoiceField(PRODUCTS)
    validity = serializers.ChoiceField(choices_from(VALIDITY_LABELS), default=Validity.DAY)
    price = serializers.DecimalField(18, 4, required=False, allow_null=True, min_value=Decimal("0.0001"))
    trigger_price = serializers.DecimalField(18, 4, required=False, allow_null=True, min_value=Decimal("0.0001"))

    closes = serializers.PrimaryKeyRelatedField(
        queryset=Deployment.objects.all(), required=False, allow_null=True, help_text="The deployment it closes."
    )
    apart = serializers.BooleanField(default=False, help_text="Open a position of its own beside what strategies hold.")

    def validate_instrument(self, key: str) -> Instrument:
        return instrument_named(key)

    def validate(self, attrs: dict[str, Any]) -> dict[str, Any]:
        price, trigger_price = attrs.get("price"), attrs.get("trigger_price")
        if problems := price_problems(attrs["order_type"], price=price, trigger_price=trigger_price):
            raise serializers.ValidationError(problems)
        return attrs
