"""Signals and what the gate decided about each, with every check and its numbers."""

from django.contrib import admin
from django.utils.html import format_html, format_html_join
from django.utils.safestring import SafeString

from alphapanda.core.admin import FactAdmin
from trading.models import RiskDecision, Signal
from trading.orders.life_cycle import SIGNAL_LABELS, SignalState


@admin.register(Signal)
class SignalAdmin(FactAdmin):
    list_display = ("market_time", "account", "deployment", "kind", "side", "quantity", "instrument", "state_in_words")
    list_filter = ("state", "kind", "account", "deployment", "side")
    list_select_related = ("account", "deployment", "instrument")
    search_fields = ("=id", "key", "instrument__tradingsymbol", "reason", "asked_by")
    ordering = ("-id",)

    @admin.display(description="state", ordering="state")
    def state_in_words(self, signal: Signal) -> str:
        reason = f": {signal.state_reason}" if signal.state_reason else ""
        return f"{SIGNAL_LABELS[SignalState(signal.state)]}{reason}"


@admin.register(RiskDecision)
class RiskDecisionAdmin(FactAdmin):
    list_display = ("market_time", "signal", "approved", "codes", "side", "quantity", "price", "only_shrinks")
    list_filter = ("approved", "only_shrinks", "signal__account")
    list_select_related = ("signal__instrument",)
    search_fields = ("=id", "=signal__id", "signal__instrument__tradingsymbol", "refusal_codes")
    exclude = ("checks", "case")
    readonly_fields = ("checks_in_words",)
    ordering = ("-id",)

    @admin.display(description="refused by")
    def codes(self, decision: RiskDecision) -> str:
        return ", ".join(decision.refusal_codes) or "nothing"

    @admin.display(description="checks")
    def checks_in_words(self, decision: RiskDecision) -> SafeString:
        rows = ((each["code"], "passed" if each["passed"] else "refused", each["words"]) for each in decision.checks)
        return format_html("<ul>{}</ul>", format_html_join("", "<li><b>{}</b> {}: {}</li>", rows))
