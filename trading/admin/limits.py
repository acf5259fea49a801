"""Limits of accounts and deployments; beside each, how much of it is used now."""

from typing import Any

from django import forms
from django.contrib import admin
from django.http import HttpRequest
from django.utils.html import format_html, format_html_join
from django.utils.safestring import SafeString
from unfold.admin import ModelAdmin

from alphapanda.core.admin import name_of
from alphapanda.core.clock import market_now
from trading.forms import RiskLimitForm
from trading.models import RiskLimit
from trading.risk.account_meters import account_meters, deployment_meters
from trading.risk.meters import Meter
from trading.run import editing

PRICE_FIELDS = ("price_collar_percent", "max_quote_age_seconds")


@admin.register(RiskLimit)
class RiskLimitAdmin(ModelAdmin):
    form = RiskLimitForm
    list_display = ("__str__", "max_daily_loss", "max_gross", "max_order_value", "max_open_orders", "max_orders_minute")
    list_filter = ("account",)
    list_select_related = ("account", "deployment")
    search_fields = ("account__name", "deployment__name")
    fieldsets = (
        (None, {"fields": ("account", "deployment", "use_in_words")}),
        ("Loss and exposure", {"fields": ("max_daily_loss", "max_gross", "max_net", "max_position")}),
        (
            "Each order",
            {"fields": ("max_order_value", "max_quantity", "price_collar_percent", "max_quote_age_seconds")},
        ),
        ("How many orders", {"fields": ("max_open_orders", "max_orders_minute", "max_orders_day")}),
        (
            "What closes a live account's gate",
            {"fields": ("max_refusals_minute", "max_round_trips_minute", "max_turnover_day")},
        ),
    )

    def get_readonly_fields(self, request: HttpRequest, obj: RiskLimit | None = None) -> tuple[str, ...]:
        return ("use_in_words", "account", "deployment") if obj else ("use_in_words",)

    def has_delete_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        # Emptying a field lifts that limit, and says so in the journal.
        return False

    def save_model(self, request: HttpRequest, obj: RiskLimit, form: forms.ModelForm, change: bool) -> None:  # type: ignore[type-arg]
        editing.set_limits(obj, name_of(request))

    @admin.display(description="used now")
    def use_in_words(self, limits: RiskLimit) -> SafeString | str:
        if limits._state.adding:
            return "Shown once saved."
        lines = format_html_join("", "<li>{}</li>", ((words_of(meter),) for meter in meters_of(limits)))
        return format_html("<ul>{}</ul>", lines)


def meters_of(limits: RiskLimit) -> list[Meter]:
    """What the account, or the one deployment of it, uses of these limits at the moment."""
    if limits.deployment:
        return deployment_meters(limits.deployment, market_now())
    return account_meters(limits.account, market_now())


def words_of(meter: Meter) -> str:
    """ "Open orders: 3 of 12, 9 left" """
    if meter.limit is None:
        return f"{meter.title}: {meter.used_words}, no limit"
    return f"{meter.title}: {meter.used_words} of {meter.limit_words}, {meter.left_words}"
