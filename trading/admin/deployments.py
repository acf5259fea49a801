"""Deployments: set up and edited while stopped; started, stopped, paused and resumed by actions."""

from collections.abc import Callable
from typing import Any

from django import forms
from django.contrib import admin, messages
from django.core.exceptions import ValidationError
from django.db.models import QuerySet
from django.http import HttpRequest, HttpResponse
from unfold.admin import ModelAdmin

from alphapanda.core.admin import FactInline, name_of
from alphapanda.core.figures import money_words, whole
from portfolio.models import Account
from trading.errors import NotAllowed
from trading.forms import DRAWN_FOR, DeploymentForm, parameter_fields
from trading.models import Deployment, Run, Strategy
from trading.orders.life_cycle import DEPLOYMENT_LABELS, DeploymentState
from trading.run import deployments, editing
from trading.run.hosts import UnknownStrategy

DONE: dict[Callable[..., Any], str] = {
    deployments.start_deployment: "is starting: it warms up on history first",
    deployments.stop_deployment: "is stopped",
    deployments.pause_deployment: "is paused; its exits stay managed",
    deployments.resume_deployment: "resumes",
}
FIXED = ("strategy", "account", "shard")
STANDING = ("state_in_words", "state_reason", "state_since")


class RunInline(FactInline):
    model = Run
    fields = ("number", "started_at", "ended_at", "ended_reason", "parameters")


@admin.register(Deployment)
class DeploymentAdmin(ModelAdmin):
    form = DeploymentForm
    list_display = ("name", "strategy", "account", "state_in_words", "state_reason", "state_since", "size_in_words")
    list_filter = ("state", "account", "strategy", "product")
    list_select_related = ("strategy", "account")
    search_fields = ("name", "strategy__title", "instruments__tradingsymbol")
    autocomplete_fields = ("instruments",)
    inlines = (RunInline,)
    actions = ("start", "stop", "pause", "resume")

    def get_readonly_fields(self, request: HttpRequest, obj: Deployment | None = None) -> tuple[str, ...]:
        # Its runs, orders and books are of one strategy on one account: another of either is another deployment.
        return (*STANDING, *FIXED) if obj else STANDING

    def get_fieldsets(self, request: HttpRequest, obj: Deployment | None = None) -> Any:
        drawn = tuple(self._parameter_fields(request, obj))
        sets = [
            (None, {"fields": ("name", *FIXED, "instruments")}),
            ("Order terms", {"fields": ("product", "sizing", "size", "order_style")}),
            ("Hours, IST", {"fields": ("entry_from", "entry_until", "flat_by")}),
        ]
        if drawn:
            sets.append(("Parameters of the strategy", {"fields": drawn}))
        return [*sets, ("State", {"fields": STANDING})] if obj else sets

    def get_form(self, request: HttpRequest, obj: Deployment | None = None, change: bool = False, **kwargs: Any) -> Any:
        drawn = self._parameter_fields(request, obj) if self._may_edit(obj) else {}
        kwargs["form"] = type("DrawnDeploymentForm", (DeploymentForm,), drawn)
        return super().get_form(request, obj, change, **kwargs)

    def _parameter_fields(self, request: HttpRequest, obj: Deployment | None) -> dict[str, forms.Field]:
        """Fields of the strategy in question; none while it has not been chosen, or its code is gone."""
        strategy = obj.strategy if obj else chosen_strategy(request)
        if strategy is None or not self._may_edit(obj):
            return {}
        try:
            return parameter_fields(strategy, obj.parameters if obj else {})
        except UnknownStrategy:
            return {}

    @staticmethod
    def _may_edit(obj: Deployment | None) -> bool:
        return obj is None or obj.state == DeploymentState.STOPPED

    def get_inlines(self, request: HttpRequest, obj: Deployment | None) -> Any:
        return self.inlines if obj else ()

    def formfield_for_foreignkey(self, db_field: Any, request: HttpRequest, **kwargs: Any) -> Any:
        if db_field.name == "account":
            kwargs["queryset"] = Account.objects.active()
            kwargs["help_text"] = "A live account's cannot be started: this version sends no live orders."
        if db_field.name == "strategy":
            kwargs["queryset"] = Strategy.objects.filter(is_available=True)
        return super().formfield_for_foreignkey(db_field, request, **kwargs)

    def has_change_permission(self, request: HttpRequest, obj: Deployment | None = None) -> bool:
        return self._may_edit(obj) and super().has_change_permission(request, obj)

    def has_delete_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        # What it did is told under its name.
        return False

    def save_model(self, request: HttpRequest, obj: Deployment, form: forms.ModelForm, change: bool) -> None:  # type: ignore[type-arg]
        parameters, instruments = form.cleaned_data["parameters"], form.cleaned_data["instruments"]
        write = editing.change_deployment if change else editing.create_deployment
        write(obj, parameters, instruments, name_of(request))

    def response_add(self, request: HttpRequest, obj: Deployment, post_url_continue: str | None = None) -> HttpResponse:
        if DRAWN_FOR not in request.POST:
            words = f"{obj.name} has its strategy's default parameters. They are below; it is stopped until started."
            self.message_user(request, words)
            request.POST = request.POST | {"_continue": "1"}  # type: ignore[assignment]
        return super().response_add(request, obj, post_url_continue)

    @admin.display(description="state", ordering="state")
    def state_in_words(self, deployment: Deployment) -> str:
        return DEPLOYMENT_LABELS[DeploymentState(deployment.state)]

    @admin.display(description="size")
    def size_in_words(self, deployment: Deployment) -> str:
        if deployment.sizing == Deployment.Sizing.LOTS:
            return f"{whole(deployment.size)} lots, {deployment.product}"
        return f"{money_words(deployment.size)} {deployment.sizing}, {deployment.product}"

    @admin.action(description="Start", permissions=["run"])
    def start(self, request: HttpRequest, chosen: QuerySet[Deployment]) -> None:
        self._each(request, chosen, deployments.start_deployment)

    @admin.action(description="Stop", permissions=["run"])
    def stop(self, request: HttpRequest, chosen: QuerySet[Deployment]) -> None:
        self._each(request, chosen, deployments.stop_deployment)

    @admin.action(description="Pause: exits stay managed", permissions=["run"])
    def pause(self, request: HttpRequest, chosen: QuerySet[Deployment]) -> None:
        self._each(request, chosen, deployments.pause_deployment)

    @admin.action(description="Resume", permissions=["run"])
    def resume(self, request: HttpRequest, chosen: QuerySet[Deployment]) -> None:
        self._each(request, chosen, deployments.resume_deployment)

    def has_run_permission(self, request: HttpRequest) -> bool:
        return bool(request.user.has_perm("trading.change_deployment"))

    def _each(self, request: HttpRequest, chosen: QuerySet[Deployment], act: Callable[..., Any]) -> None:
        """Do it to each, and say of each what came of it."""
        for deployment in chosen.select_related("strategy", "account", "shard__feed"):
            try:
                act(deployment, by=name_of(request))
            except (NotAllowed, UnknownStrategy) as refused:
                messages.error(request, f"{deployment.name}: {refused}.")
            except ValidationError as wrong:
                messages.error(request, f"{deployment.name}: {'; '.join(wrong.messages)}.")
            else:
                messages.success(request, f"{deployment.name} {DONE[act]}.")


def chosen_strategy(request: HttpRequest) -> Strategy | None:
    """The strategy an add page is for: as sent, or by its id in the page's address."""
    wanted = request.POST.get("strategy") or request.GET.get("strategy") or ""
    try:
        return Strategy.objects.filter(pk=wanted, is_available=True).first() if wanted else None
    except ValidationError:
        return None
