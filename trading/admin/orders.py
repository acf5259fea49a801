"""Orders with every step of their lives and their fills. An order is cancelled on the Orders page, never here."""

from django.contrib import admin

from alphapanda.core.admin import FactAdmin, FactInline
from trading.models import Fill, Order, OrderTransition
from trading.orders.life_cycle import ORDER_LABELS, OrderState


class TransitionInline(FactInline):
    model = OrderTransition
    fields = ("market_time", "before", "after", "actor", "reason", "details", "written_at")


class FillInline(FactInline):
    model = Fill
    fields = ("at", "signed_quantity", "price", "trade")


@admin.register(Order)
class OrderAdmin(FactAdmin):
    list_display = (
        "market_time",
        "tag",
        "account",
        "deployment",
        "side",
        "quantity",
        "instrument",
        "order_type",
        "filled_quantity",
        "state_in_words",
    )
    list_filter = ("state", "account", "deployment", "product", "order_type", "is_exit")
    list_select_related = ("account", "deployment", "instrument")
    search_fields = ("=id", "tag", "broker_order_id", "instrument__tradingsymbol", "state_reason")
    inlines = (TransitionInline, FillInline)

    @admin.display(description="state", ordering="state")
    def state_in_words(self, order: Order) -> str:
        reason = f": {order.state_reason}" if order.state_reason else ""
        return f"{ORDER_LABELS[OrderState(order.state)]}{reason}"


@admin.register(OrderTransition)
class OrderTransitionAdmin(FactAdmin):
    list_display = ("market_time", "order", "before", "after", "actor", "reason")
    list_filter = ("after", "order__account")
    list_select_related = ("order__instrument",)
    search_fields = ("=order__id", "order__tag", "actor", "reason")
    ordering = ("-id",)


@admin.register(Fill)
class FillAdmin(FactAdmin):
    list_display = ("at", "order", "signed_quantity", "price", "trade")
    list_filter = ("order__account", "order__deployment")
    list_select_related = ("order__instrument", "trade__instrument")
    search_fields = ("=order__id", "order__tag", "trade__trade_id", "order__instrument__tradingsymbol")
    ordering = ("-id",)
