"""Admin: feeds and wishes to edit, everything the feed itself writes to look at."""

from django.contrib import admin
from unfold.admin import ModelAdmin, TabularInline

from alphapanda.core.admin import LookOnly
from alphapanda.core.clock import market_now
from alphapanda.core.timezone import IST
from market.models import Candle, Feed, FeedLease, Recording, Shard, Subscription


class LeaseInline(LookOnly, TabularInline):
    model = FeedLease
    fields = ("epoch", "holder", "renewed_at")
    extra = 0


class ShardInline(LookOnly, TabularInline):
    model = Shard
    fields = ("number", "epoch", "n")
    extra = 0


@admin.register(Feed)
class FeedAdmin(ModelAdmin):
    list_display = ("name", "data_account", "is_active", "holder", "instruments")
    list_filter = ("is_active",)
    inlines = (LeaseInline, ShardInline)

    @admin.display(description="run by")
    def holder(self, feed: Feed) -> str:
        lease = FeedLease.objects.filter(feed=feed).first()
        return f"{lease.holder} (epoch {lease.epoch})" if lease and lease.holder else "nobody"

    @admin.display(description="instruments")
    def instruments(self, feed: Feed) -> int:
        return len(Subscription.objects.modes(feed, market_now().astimezone(IST).date()))


@admin.register(Subscription)
class SubscriptionAdmin(ModelAdmin):
    list_display = ("instrument", "feed", "mode", "wants_candles", "ref")
    list_filter = ("feed", "mode", "wants_candles")
    search_fields = ("instrument__tradingsymbol", "ref")
    list_select_related = ("instrument", "feed")
    autocomplete_fields = ("instrument",)


@admin.register(Candle)
class CandleAdmin(LookOnly, ModelAdmin):
    list_display = ("instrument", "interval", "start", "open", "high", "low", "close", "volume", "complete")
    list_filter = ("interval", "complete")
    search_fields = ("instrument__tradingsymbol",)
    list_select_related = ("instrument",)
    ordering = ("-start",)
    show_full_result_count = False


@admin.register(Recording)
class RecordingAdmin(LookOnly, ModelAdmin):
    list_display = ("day", "feed", "state", "frames", "bytes", "sha256", "path")
    list_filter = ("feed", "state")
