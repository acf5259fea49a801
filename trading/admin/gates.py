"""Gates: opened and closed through the service that locks them; never added or deleted by hand."""

from typing import Any

from django import forms
from django.contrib import admin, messages
from django.http import HttpRequest
from unfold.admin import ModelAdmin

from alphapanda.core.admin import name_of
from trading.forms import GateForm
from trading.models import Gate
from trading.orders.gates import flag_file
from trading.orders.kill_switch import set_level
from trading.orders.life_cycle import GATE_LABELS, GateState


@admin.register(Gate)
class GateAdmin(ModelAdmin):
    form = GateForm
    list_display = ("whose", "state_in_words", "reason", "changed_by", "changed_at", "flag_in_words")
    list_select_related = ("account",)
    fields = ("whose", "state", "reason", "changed_by", "changed_at", "flag_in_words")
    readonly_fields = ("whose", "changed_by", "changed_at", "flag_in_words")

    def has_add_permission(self, request: HttpRequest) -> bool:
        return False

    def has_delete_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        # A gate without a row counts as halted.
        return False

    def save_model(self, request: HttpRequest, obj: Gate, form: forms.ModelForm, change: bool) -> None:  # type: ignore[type-arg]
        state = GateState(obj.state)
        on_their_way = set_level(obj.account, state, name_of(request), obj.reason)
        if on_their_way and state != GateState.ACTIVE:
            listed = "; ".join(f"{order} is {order.state}" for order in on_their_way[:5])
            messages.warning(request, f"Not stopped by it, because already on their way: {listed}.")

    @admin.display(description="gate of")
    def whose(self, gate: Gate) -> str:
        return str(gate.account or "everything")

    @admin.display(description="state", ordering="state")
    def state_in_words(self, gate: Gate) -> str:
        return GATE_LABELS[GateState(gate.state)]

    @admin.display(description="flag file")
    def flag_in_words(self, gate: Gate) -> str:
        return f"{flag_file()} stands: everything is halted until `resume`" if flag_file().exists() else "none"
