"""Accounts and charge rates are edited here; what is booked is only looked at."""

from __future__ import annotations

from decimal import Decimal
from typing import Any

from django import forms
from django.contrib import admin
from django.core.exceptions import ValidationError
from django.db import transaction
from django.forms import ModelForm
from django.http import HttpRequest
from unfold.admin import ModelAdmin, TabularInline

from alphapanda.core.admin import LookOnly
from alphapanda.core.clock import market_now
from portfolio.booking import set_up_account
from portfolio.domain.charges import ChargeKind
from portfolio.models import Account, ChargeRate, LedgerEntry, Lot, PnlSnapshot, Portfolio, Position, Trade


class AccountForm(forms.ModelForm):  # type: ignore[type-arg]
    """Explains what cannot be, before the database refuses it."""

    def clean(self) -> dict[str, Any]:
        cleaned = super().clean() or {}
        broker, mode = cleaned.get("broker"), cleaned.get("mode")
        if broker and mode and (broker == Account.Broker.PAPER) != (mode == Account.Mode.PAPER):
            raise ValidationError(
                "A paper account trades on the paper exchange and a live account at Zerodha. "
                "Choose both alike: it cannot be changed later."
            )
        return cleaned


@admin.register(Account)
class AccountAdmin(ModelAdmin):
    form = AccountForm
    list_display = ["name", "mode", "broker", "opening_cash", "is_active", "opened_at"]
    list_filter = ["mode", "is_active"]
    fields = [
        "name",
        "broker",
        "mode",
        "client_id",
        "opening_cash",
        "intraday_multiple",
        "derivative_margin_percent",
        "flat_by",
        "is_active",
        "owners",
    ]
    filter_horizontal = ["owners"]

    def get_readonly_fields(self, request: HttpRequest, obj: Account | None = None) -> list[str]:
        # A trigger refuses these too; here the form does not even offer them.
        return ["broker", "mode", "opening_cash"] if obj else []

    def has_delete_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        return False

    @transaction.atomic
    def save_model(self, request: HttpRequest, obj: Account, form: ModelForm[Account], change: bool) -> None:
        if change:
            # Not the whole row: version and cash go on while somebody edits.
            obj.save(update_fields=[name for name in form.changed_data if name != "owners"])
            return
        obj.opened_at = market_now()
        super().save_model(request, obj, form, change)
        set_up_account(obj)


class ChargeRateForm(forms.ModelForm):  # type: ignore[type-arg]
    """A rate is a fraction; somebody will type the percentage."""

    def clean(self) -> dict[str, Any]:
        cleaned = super().clean() or {}
        limit = Decimal(1) if cleaned.get("kind") == ChargeKind.GST else Decimal("0.01")
        for name in ("buy_rate", "sell_rate"):
            rate = cleaned.get(name)
            if rate is not None and rate >= limit:
                self.add_error(name, f"{rate} would be {rate * 100:f} percent. Write a fraction: 0.001 is 0.1 percent.")
        return cleaned


@admin.register(ChargeRate)
class ChargeRateAdmin(ModelAdmin):
    form = ChargeRateForm
    list_display = [
        "kind",
        "exchange",
        "segment",
        "effective_from",
        "buy_rate",
        "sell_rate",
        "cap",
        "flat",
        "source",
    ]
    list_filter = ["kind", "exchange", "segment"]
    search_fields = ["source"]
    date_hierarchy = "effective_from"


class LotInline(LookOnly, TabularInline):
    model = Lot
    fields = ["ordinal", "quantity", "remaining", "price", "day"]
    readonly_fields = fields
    extra = 0


@admin.register(Portfolio)
class PortfolioAdmin(LookOnly, ModelAdmin):
    list_display = ["account", "name", "deployment_id"]
    ordering = ["account", "name"]
    list_filter = ["account"]


@admin.register(Position)
class PositionAdmin(LookOnly, ModelAdmin):
    list_display = ["portfolio", "instrument", "product", "quantity", "average_price", "realised"]
    list_filter = ["portfolio__account", "product"]
    list_select_related = ["portfolio", "instrument"]
    inlines = [LotInline]


@admin.register(Trade)
class TradeAdmin(LookOnly, ModelAdmin):
    list_display = ["traded_at", "kind", "account", "instrument", "product", "signed_quantity", "price", "charges"]
    list_filter = ["account", "kind", "product", "day"]
    list_select_related = ["account", "instrument"]
    search_fields = ["trade_id", "broker_order_id", "order_tag", "instrument__tradingsymbol"]


@admin.register(LedgerEntry)
class LedgerEntryAdmin(LookOnly, ModelAdmin):
    list_display = ["at", "account", "kind", "amount", "note"]
    list_filter = ["account", "kind", "day"]
    list_select_related = ["account"]
    search_fields = ["note", "key"]


@admin.register(PnlSnapshot)
class PnlSnapshotAdmin(LookOnly, ModelAdmin):
    list_display = ["at", "portfolio", "realised", "unrealised", "charges", "net", "worst"]
    list_filter = ["portfolio__account", "day"]
    list_select_related = ["portfolio"]
