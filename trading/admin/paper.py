"""The paper exchange's own book: what was asked of it, what rests there, what traded."""

from django.contrib import admin

from alphapanda.core.admin import FactAdmin
from trading.models import PaperOrder, PaperRequest, PaperTrade, PriceBand


@admin.register(PaperRequest)
class PaperRequestAdmin(FactAdmin):
    list_display = ("arrives_at", "kind", "tag", "account", "instrument", "is_done")
    list_filter = ("is_done", "kind", "account")
    list_select_related = ("account", "instrument")
    search_fields = ("tag", "instrument__tradingsymbol")
    ordering = ("-id",)


@admin.register(PaperOrder)
class PaperOrderAdmin(FactAdmin):
    list_display = ("changed_at", "broker_order_id", "tag", "account", "instrument", "status", "filled_quantity")
    list_filter = ("status", "is_resting", "is_reported", "account")
    list_select_related = ("account", "instrument")
    search_fields = ("tag", "broker_order_id", "instrument__tradingsymbol", "message")
    ordering = ("-id",)


@admin.register(PaperTrade)
class PaperTradeAdmin(FactAdmin):
    list_display = ("traded_at", "trade_id", "tag", "account", "instrument", "signed_quantity", "price", "is_booked")
    list_filter = ("is_booked", "account")
    list_select_related = ("account", "instrument")
    search_fields = ("tag", "trade_id", "instrument__tradingsymbol")
    ordering = ("-id",)


@admin.register(PriceBand)
class PriceBandAdmin(FactAdmin):
    list_display = ("day", "instrument", "low", "high")
    list_filter = ("day",)
    list_select_related = ("instrument",)
    search_fields = ("instrument__tradingsymbol",)
    ordering = ("-day",)
