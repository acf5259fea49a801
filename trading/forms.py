"""Forms of the admin: a deployment with its strategy's own parameters, limits, and the gate."""

from collections.abc import Iterator, Mapping
from typing import Any

from django import forms
from django.core.exceptions import ValidationError
from unfold import widgets

from trading.errors import NotAllowed
from trading.models import Deployment, Gate, RiskLimit, Strategy
from trading.orders.life_cycle import GateState
from trading.run.deployments import check_parameters
from trading.run.editing import lock_stopped
from trading.run.hosts import run_terms, strategy_class

PREFIX = "parameter_"
# Sent along with the drawn parameters: a form whose strategy was changed after drawing has none of the new one's.
DRAWN_FOR = "parameters_of"


def parameter_name(name: str) -> str:
    return f"{PREFIX}{name}"


def parameter_fields(strategy: Strategy, values: Mapping[str, Any]) -> dict[str, forms.Field]:
    """Return a field for each parameter as the strategy's code describes it. The code's own rules check them."""
    described = strategy_class(strategy.name).Parameters.describe()
    fields = {parameter_name(each["name"]): parameter_field(each, values) for each in described}
    drawn_for = forms.CharField(widget=forms.HiddenInput, initial=strategy.name, required=False)
    return {**fields, DRAWN_FOR: drawn_for}


def parameter_field(described: Mapping[str, Any], values: Mapping[str, Any]) -> forms.Field:
    options: dict[str, Any] = {
        "label": described["label"] + (f", {described['unit']}" if described["unit"] else ""),
        "help_text": " ".join(filter(None, (described["help"], allowed_words(described)))),
        "initial": values.get(described["name"], described["default"]),
        "required": False,
    }
    if described["kind"] == "yes_no":
        return forms.BooleanField(widget=widgets.UnfoldBooleanSwitchWidget, **options)
    return forms.CharField(widget=parameter_widget(described), **options)


def parameter_widget(described: Mapping[str, Any]) -> forms.Widget:
    kind = described["kind"]
    if kind == "choice":
        return widgets.UnfoldAdminSelectWidget(choices=[(choice, choice) for choice in described["choices"]])
    if kind == "time":
        return widgets.UnfoldAdminTextInputWidget(attrs={"type": "time"})
    bounds = {"min": described["least"], "max": described["most"]} if kind in ("whole", "number") else {}
    step = {"whole": "1", "number": "any"}[kind]
    return widgets.UnfoldAdminTextInputWidget(attrs={"type": "number", "step": step, **bounds})


def allowed_words(described: Mapping[str, Any]) -> str:
    if described["least"] is None or described["most"] is None:
        return ""
    return f"{described['least']} to {described['most']}; {described['default']} if left empty."


class DeploymentForm(forms.ModelForm):  # type: ignore[type-arg]
    """Checks terms and parameters as a start would, and says what is wrong beside each field."""

    class Meta:
        model = Deployment
        exclude = ("parameters", "state", "state_reason", "state_since", "version")

    def clean(self) -> dict[str, Any]:
        cleaned = super().clean() or {}
        if not self.instance._state.adding:
            self._hold_stopped()
        self._check_size(cleaned)
        self._check_instruments(cleaned)
        self._check_parameters(cleaned)
        return cleaned

    def _hold_stopped(self) -> None:
        try:
            lock_stopped(self.instance)
        except NotAllowed as refused:
            raise ValidationError(f"{refused}.") from refused

    def _check_size(self, cleaned: dict[str, Any]) -> None:
        size = cleaned.get("size")
        if size is not None and size <= 0:
            self.add_error("size", f"{size} buys nothing: the size must be above 0.")
        elif size is not None and cleaned.get("sizing") == Deployment.Sizing.LOTS and size % 1:
            self.add_error("size", f"{size} lots cannot be bought: use {int(size) or 1} or {int(size) + 1}.")

    def _check_instruments(self, cleaned: dict[str, Any]) -> None:
        instruments = list(cleaned.get("instruments") or [])
        if gone := [one.key for one in instruments if not one.listed]:
            self.add_error("instruments", f"No longer listed: {', '.join(gone)}.")
        elif instruments and all(one.is_index for one in instruments):
            self.add_error("instruments", "Indices can be read, not traded: add something that can be bought.")
        elif instruments and not self.errors:
            self._check_terms(cleaned, instruments)

    def _check_terms(self, cleaned: dict[str, Any], instruments: list[Any]) -> None:
        times = {name: cleaned[name] for name in ("entry_from", "entry_until", "flat_by")}
        terms = {name: cleaned[name] for name in ("product", "sizing", "size", "order_style")}
        texts = {name: value and value.isoformat() for name, value in times.items()}
        try:
            run_terms({**terms, **texts}, instruments)
        except ValueError as problem:
            self.add_error(None, f"{problem}.")

    def _check_parameters(self, cleaned: dict[str, Any]) -> None:
        strategy = cleaned.get("strategy") or getattr(self.instance, "strategy", None)
        if strategy is None:
            return
        given = dict(self._given(cleaned)) if cleaned.get(DRAWN_FOR) == strategy.name else {}
        try:
            cleaned["parameters"] = check_parameters(strategy.name, given)
        except ValidationError as wrong:
            for name, words in wrong.message_dict.items():
                self.add_error(parameter_name(name) if parameter_name(name) in self.fields else None, words)

    def _given(self, cleaned: dict[str, Any]) -> Iterator[tuple[str, Any]]:
        for name in self.fields:
            value = cleaned.get(name)
            if name.startswith(PREFIX) and value != "":
                yield name.removeprefix(PREFIX), value


# Not one refusal, and not one round trip: that refuses no order.
MAY_BE_NONE = ("max_refusals_minute", "max_round_trips_minute")


class RiskLimitForm(forms.ModelForm):  # type: ignore[type-arg]
    """Refuses limits that cannot be meant, before an order meets them."""

    class Meta:
        model = RiskLimit
        fields = "__all__"

    def clean(self) -> dict[str, Any]:
        cleaned = super().clean() or {}
        for name, value in list(cleaned.items()):
            if name.startswith("max_") and name not in MAY_BE_NONE and value is not None and value <= 0:
                self.add_error(
                    name, f"{value} would refuse every order. Leave it empty for no limit; halt the gate to stop."
                )
        self._compare(cleaned, "max_order_value", "max_gross", "one order may not be larger than everything together")
        self._compare(cleaned, "max_net", "max_gross", "long less short is never more than both together")
        self._compare(cleaned, "max_quantity", "max_position", "one order may not be larger than the position it makes")
        self._compare(cleaned, "max_orders_minute", "max_orders_day", "a minute has no more orders than its day")
        return cleaned

    def _compare(self, cleaned: dict[str, Any], small: str, large: str, why: str) -> None:
        low, high = cleaned.get(small), cleaned.get(large)
        if low is not None and high is not None and low > high and small not in self.errors:
            self.add_error(small, f"{low} is above {high}: {why}.")


class GateForm(forms.ModelForm):  # type: ignore[type-arg]
    """The gate's state and why; who closed it and when are written by the service."""

    class Meta:
        model = Gate
        fields = ("state", "reason")

    def clean(self) -> dict[str, Any]:
        cleaned = super().clean() or {}
        if cleaned.get("state") != GateState.ACTIVE and not (cleaned.get("reason") or "").strip():
            self.add_error("reason", "Say why: whoever opens the gate again reads it first.")
        return cleaned
