"""Admin: instruments and loads to look at, the calendar and freeze quantities to edit."""

from collections.abc import Callable
from datetime import date
from typing import Any

from django import forms
from django.contrib import admin, messages
from django.http import HttpRequest
from import_export import resources
from unfold.admin import ModelAdmin, TabularInline

from alphapanda.core.admin import LookOnly, name_of
from alphapanda.core.figures import whole
from alphapanda.core.sheets import SheetAdmin
from instruments.models import (
    CorporateAction,
    FreezeQuantity,
    Instrument,
    InstrumentLoad,
    InstrumentName,
    InstrumentToken,
    ProtectionStep,
    RenameQuestion,
    SettlementPrice,
    TradingSession,
)
from instruments.renames import CannotFollow, follow_rename, keep_apart


class TokenInline(LookOnly, TabularInline):
    model = InstrumentToken
    fields = ("instrument_token", "valid_from", "valid_to")
    extra = 0


class NameInline(LookOnly, TabularInline):
    model = InstrumentName
    fields = ("tradingsymbol", "valid_from", "valid_to")
    extra = 0


@admin.register(Instrument)
class InstrumentAdmin(LookOnly, ModelAdmin):
    list_display = ("tradingsymbol", "exchange", "name", "instrument_type", "expiry", "strike", "lot_size", "tick_size")
    list_filter = ("exchange", "instrument_type", "segment", "listed", "has_derivatives", "expiry")
    search_fields = ("tradingsymbol", "name", "=instrument_token")
    show_full_result_count = False
    inlines = (TokenInline, NameInline)


@admin.register(RenameQuestion)
class RenameQuestionAdmin(LookOnly, ModelAdmin):
    """Answered by an action; nothing else of it is edited."""

    list_display = ("day", "former_symbol", "successor_symbol", "why", "state", "answered_by")
    list_filter = ("state", "day")
    search_fields = ("former_symbol", "successor_symbol")
    actions = ("answer_same", "answer_apart")

    @admin.action(description="The same instrument: let holdings follow", permissions=["answer"])
    def answer_same(self, request: HttpRequest, questions: Any) -> None:
        self._answer(request, questions, follow_rename)

    @admin.action(description="Two different instruments", permissions=["answer"])
    def answer_apart(self, request: HttpRequest, questions: Any) -> None:
        self._answer(request, questions, keep_apart)

    def has_answer_permission(self, request: HttpRequest) -> bool:
        return request.user.has_perm("instruments.change_renamequestion")

    def _answer(self, request: HttpRequest, questions: Any, answer: Callable[[RenameQuestion, str], Any]) -> None:
        for question in questions:
            try:
                answer(question, name_of(request))
            except CannotFollow as refused:
                self.message_user(request, f"{question}: {refused}.", messages.ERROR)
            else:
                self.message_user(request, f"{question.former_symbol}: answered.", messages.SUCCESS)


@admin.register(InstrumentLoad)
class InstrumentLoadAdmin(LookOnly, ModelAdmin):
    list_display = ("loaded_at", "day", "state", "rows_in_words", "first_problem")
    list_filter = ("state", "day")

    @admin.display(description="rows")
    def rows_in_words(self, load: InstrumentLoad) -> str:
        return ", ".join(f"{exchange} {whole(count)}" for exchange, count in load.rows.items()) or "–"

    @admin.display(description="why refused")
    def first_problem(self, load: InstrumentLoad) -> str:
        return load.problems[0] if load.problems else ""


class TradingSessionForm(forms.ModelForm):
    class Meta:
        model = TradingSession
        exclude = ("by_hand",)


class TradingSessionResource(resources.ModelResource):
    class Meta:
        model = TradingSession
        exclude = ("id", "by_hand")
        import_id_fields = ("exchange", "security_class", "day")
        clean_model_instances = True
        skip_unchanged = True

    def before_save_instance(self, instance: TradingSession, row: Any, **kwargs: Any) -> None:
        instance.by_hand = True


@admin.register(TradingSession)
class TradingSessionAdmin(SheetAdmin):
    form = TradingSessionForm
    resource_classes = (TradingSessionResource,)
    list_display = ("day", "exchange", "security_class", "hours", "name", "by_hand", "source")
    list_filter = ("exchange", "security_class", "is_holiday", "by_hand", "day")
    search_fields = ("name", "source")
    date_hierarchy = "day"

    @admin.display(description="open")
    def hours(self, session: TradingSession) -> str:
        open_hours = session.schedule().continuous
        return ", ".join(f"{phase.opens_at:%H:%M}–{phase.closes_at:%H:%M}" for phase in open_hours) or "closed"

    def save_model(self, request: HttpRequest, obj: TradingSession, form: Any, change: bool) -> None:
        obj.by_hand = True
        super().save_model(request, obj, form, change)


@admin.register(FreezeQuantity)
class FreezeQuantityAdmin(ModelAdmin):
    list_display = ("underlying", "exchange", "effective_from", "quantity", "source")
    list_filter = ("exchange", "underlying")
    search_fields = ("underlying",)

    def get_changeform_initial_data(self, request: HttpRequest) -> dict[str, date | str]:
        return {"exchange": "NFO", **super().get_changeform_initial_data(request)}


@admin.register(ProtectionStep)
class ProtectionStepAdmin(ModelAdmin):
    """A step is never deleted: what holds from a later day on is entered beside it, all steps of it."""

    list_display = ("kind", "contract", "effective_from", "below", "percent", "rupees", "source")
    list_filter = ("kind", "contract", "effective_from")
    search_fields = ("source",)

    def has_delete_permission(self, request: HttpRequest, obj: ProtectionStep | None = None) -> bool:
        return False


@admin.register(SettlementPrice)
class SettlementPriceAdmin(ModelAdmin):
    list_display = ("day", "exchange", "underlying", "price", "source")
    list_filter = ("exchange", "underlying", "day")
    search_fields = ("underlying", "source")


@admin.register(CorporateAction)
class CorporateActionAdmin(ModelAdmin):
    list_display = ("ex_date", "instrument", "kind", "held", "becomes", "credited_on", "taken_effect_at", "source")
    list_filter = ("kind", "ex_date")
    list_select_related = ("instrument",)
    search_fields = ("instrument__tradingsymbol", "source")
    autocomplete_fields = ("instrument",)

    def get_readonly_fields(self, request: HttpRequest, obj: CorporateAction | None = None) -> tuple[str, ...]:
        # What has taken effect is booked; the form does not even offer it.
        return ("instrument", "kind", "ex_date", "held", "becomes") if obj and obj.taken_effect_at else ()

    def has_delete_permission(self, request: HttpRequest, obj: CorporateAction | None = None) -> bool:
        is_booked = obj is not None and obj.taken_effect_at is not None
        return not is_booked and super().has_delete_permission(request, obj)
