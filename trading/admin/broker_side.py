"""What brokers have said: their books as last read, where they differ from ours, and which accounts may trade."""

from django.contrib import admin

from alphapanda.core.admin import FactAdmin
from trading.models import Arming, BookDifference, BookReading, BrokerStanding, SeenOrder, SeenTrade


@admin.register(SeenOrder)
class SeenOrderAdmin(FactAdmin):
    list_display = ("seen_at", "broker_order_id", "tag", "account", "tradingsymbol", "broker_status", "filled_quantity")
    list_filter = ("state", "is_taken", "account")
    list_select_related = ("account",)
    search_fields = ("tag", "broker_order_id", "tradingsymbol", "words")
    ordering = ("-id",)


@admin.register(SeenTrade)
class SeenTradeAdmin(FactAdmin):
    list_display = ("traded_at", "trade_id", "tag", "account", "tradingsymbol", "signed_quantity", "price", "is_booked")
    list_filter = ("is_booked", "account")
    list_select_related = ("account",)
    search_fields = ("tag", "trade_id", "broker_order_id", "tradingsymbol")
    ordering = ("-id",)


@admin.register(BookReading)
class BookReadingAdmin(FactAdmin):
    list_display = ("began_at", "account", "orders", "trades", "newest_placed_at", "is_compared")
    list_filter = ("account", "is_compared")
    list_select_related = ("account",)
    ordering = ("-id",)


@admin.register(BookDifference)
class BookDifferenceAdmin(FactAdmin):
    list_display = ("account", "exchange", "tradingsymbol", "product", "ours", "theirs", "quantity", "last_seen_at")
    list_filter = ("account",)
    list_select_related = ("account",)
    search_fields = ("tradingsymbol",)
    ordering = ("-last_seen_at",)


@admin.register(BrokerStanding)
class BrokerStandingAdmin(FactAdmin):
    list_display = ("account", "state", "reason", "changed_at")
    list_select_related = ("account",)


@admin.register(Arming)
class ArmingAdmin(FactAdmin):
    list_display = ("day", "account", "armed_by", "armed_at", "ended_by", "ended_at")
    list_filter = ("account",)
    list_select_related = ("account",)
    ordering = ("-armed_at",)
