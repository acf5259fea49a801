"""Forms of the pages: an order by hand, and a strategy's parameters as its code describes them."""

from collections.abc import Iterable, Mapping
from decimal import Decimal
from typing import Any

from django import forms
from django.conf import settings
from django.contrib.auth.forms import AuthenticationForm
from django.core.exceptions import ValidationError

from alphapanda.dashboard.panels.lab.terms import USUAL
from instruments.domain.contracts import is_whole_lots
from instruments.domain.order_terms import (
    NEEDS_PRICE,
    NEEDS_TRIGGER,
    ORDER_TYPE_LABELS,
    PRODUCT_LABELS,
    SIDE_LABELS,
    OrderType,
    Product,
    Side,
    choices_from,
    price_problems,
)
from instruments.models import Instrument
from portfolio.models import Account
from trading.exits.by_hand import ChoiceNeeded
from trading.lab.jobs import candles_here, recordings_here, within_folder
from trading.lab.request import BacktestRequest, BadRequest
from trading.models import Deployment, Strategy
from trading.models.strategies import FLAT_BY
from trading.orders.requests import tradable_accounts
from trading.run.hosts import UnknownStrategy, strategy_class


class SignInForm(AuthenticationForm):
    error_messages = {
        "invalid_login": "Name or password is wrong. Capitals count.",
        "inactive": "This person may not sign in any more.",
    }


class AccountSelect(forms.Select):
    """Each account says whose money it is, and how that is shown: the ticket's button repeats it."""

    def create_option(self, *args: Any, **kwargs: Any) -> Any:
        option = super().create_option(*args, **kwargs)
        if account := getattr(option["value"], "instance", None):
            option["attrs"] |= {"data-mode": shown_mode(account), "data-money": money_words(account)}
        return option


def shown_mode(account: Account) -> str:
    return account.mode if settings.KIND == "live" else "practice"


def money_words(account: Account) -> str:
    is_live = account.mode == Account.Mode.LIVE
    if settings.KIND == "live":
        return "with real money" if is_live else "on paper"
    return "in rehearsal" if is_live else "in practice"


class OrderForm(forms.Form):
    """An order by hand. What the gate judges (limits, prices, sessions) is left to the gate."""

    account = forms.ModelChoiceField(Account.objects.none(), empty_label=None, widget=AccountSelect)
    side = forms.ChoiceField(choices=choices_from(SIDE_LABELS))
    instrument = forms.CharField(
        max_length=64, widget=forms.TextInput(attrs={"placeholder": "NSE:INFY", "autocapitalize": "characters"})
    )
    quantity = forms.IntegerField(min_value=1, max_value=10_000_000)
    order_type = forms.ChoiceField(choices=choices_from(ORDER_TYPE_LABELS), label="Type")
    price = forms.DecimalField(required=False, min_value=Decimal("0.01"), max_digits=18, decimal_places=4)
    trigger_price = forms.DecimalField(
        required=False, min_value=Decimal("0.01"), max_digits=18, decimal_places=4, label="Trigger"
    )
    product = forms.ChoiceField(choices=choices_from(PRODUCT_LABELS), initial=Product.MIS)
    stop = forms.DecimalField(
        required=False,
        min_value=Decimal("0.01"),
        max_digits=18,
        decimal_places=4,
        label="Planned stop",
        help_text="only reckoned with: no order is placed at it",
    )
    closes = forms.ModelChoiceField(
        Deployment.objects.all(), required=False, empty_label="nobody's", widget=forms.HiddenInput, label="Closes"
    )
    apart = forms.BooleanField(required=False, widget=forms.HiddenInput, label="What is left stands apart")

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.fields["account"].queryset = tradable_accounts()  # type: ignore[attr-defined]
        for name in ("quantity", "price", "trigger_price", "stop"):
            self.fields[name].widget.attrs["class"] = "num"

    def clean_instrument(self) -> Instrument:
        """Accept NSE:INFY, or a symbol alone: NSE's, or the only one there is. Raises with what was looked for."""
        text = self.cleaned_data["instrument"].strip().upper()
        listed = Instrument.objects.listed()
        try:
            return listed.by_key(text if ":" in text else f"NSE:{text}")
        except (Instrument.DoesNotExist, ValueError):
            elsewhere = list(listed.filter(tradingsymbol=text)[:2])
            if len(elsewhere) == 1:
                return elsewhere[0]
            near = [found.key for found in Instrument.objects.search(text.rpartition(":")[2])[:3]]
            hint = f" Did you mean {', '.join(near)}?" if near else ""
            raise ValidationError(f"No listed instrument {text}.{hint}") from None

    def clean(self) -> dict[str, Any]:
        given = super().clean() or {}
        self._check_prices(given)
        instrument, quantity = given.get("instrument"), given.get("quantity")
        if instrument and quantity and not is_whole_lots(quantity, instrument.lot_size):
            self.add_error("quantity", lots_words(instrument, quantity))
        return given

    def _check_prices(self, given: dict[str, Any]) -> None:
        order_type = given.get("order_type")
        for name, needed in (("price", NEEDS_PRICE), ("trigger_price", NEEDS_TRIGGER)):
            if order_type not in needed:
                given[name] = None  # the page has hidden it
        prices = {name: given.get(name) for name in ("price", "trigger_price")}
        for name, words in price_problems(order_type or "", **prices).items():
            if name not in self.errors:
                self.add_error(name, words)

    def offer_choices(self, needed: ChoiceNeeded) -> None:
        """Show whose holding the order could close, and that it may stand apart: the person says which."""
        held = Deployment.objects.filter(pk__in=[choice.deployment.pk for choice in needed.choices])
        self.fields["closes"].queryset = held  # type: ignore[attr-defined]
        self.fields["closes"].widget = forms.Select(choices=self.fields["closes"].choices)  # type: ignore[attr-defined]
        self.fields["apart"].widget = forms.CheckboxInput()
        self.add_error(None, f"{str(needed)[:1].upper()}{str(needed)[1:]}.")

    def asked(self) -> dict[str, Any]:
        """Return the arguments of ``place_by_hand``."""
        return {name: self.cleaned_data[name] for name in self.fields if name != "stop"}

    def typed(self) -> tuple[dict[str, Any], dict[str, str]]:
        """Return what can be read of it, and what is wrong with what cannot; an empty field is neither."""
        form = self if self.is_bound else type(self)(self._beginnings())
        words = str(form["instrument"].value() or "").strip()
        wrong = {name: " ".join(map(str, form.errors[name])) for name in form.fields if form.has_error(name)}
        typed = {name: said for name, said in wrong.items() if form[name].value()}
        read = {name: value for name, value in form.cleaned_data.items() if value not in (None, "")}
        return {"words": words, **read}, typed

    def _beginnings(self) -> dict[str, Any]:
        """Return what an untouched form would send."""
        begun = {name: self.get_initial_for_field(field, name) for name, field in self.fields.items()}
        first = self.fields["account"].queryset.first()  # type: ignore[attr-defined]
        usual = {"account": first and first.pk, "side": Side.BUY, "order_type": OrderType.MARKET}
        return {name: value for name, value in {**begun, **usual, **self.initial}.items() if value}


CLOCK = {"type": "time"}
DAY = {"type": "date"}
PARAMETERS_OF = "parameters_of"


class BacktestForm(forms.Form):
    """A backtest on candles of the lab's folder, or on days recorded here. What each may be, its request says.

    The parameters of every strategy stand beside the fields, each under its strategy's name; those of the chosen one
    count.
    """

    strategy = forms.ChoiceField(widget=forms.Select(attrs={"data-chooses": "parameters"}))
    instruments = forms.CharField(
        max_length=4000,
        widget=forms.TextInput(attrs={"placeholder": "NSE:INFY, NSE:ITC"}),
        help_text="with commas between",
    )
    candles = forms.MultipleChoiceField(required=False, widget=forms.SelectMultiple(attrs={"size": 4}))
    recordings = forms.MultipleChoiceField(
        required=False, widget=forms.SelectMultiple(attrs={"size": 4}), label="or days recorded here"
    )
    first = forms.DateField(required=False, widget=forms.DateInput(attrs=DAY), label="From")
    last = forms.DateField(required=False, widget=forms.DateInput(attrs=DAY), label="To")
    capital = forms.DecimalField(label="Capital ₹")
    account = forms.ChoiceField(required=False, label="Limits and margins of")
    sizing = forms.ChoiceField(choices=Deployment.Sizing.choices, label="Size by")
    size = forms.DecimalField(help_text="lots or ₹, as chosen beside it")
    product = forms.ChoiceField(choices=choices_from(PRODUCT_LABELS))
    order_style = forms.ChoiceField(choices=Deployment.Style.choices, label="Enters")
    entry_from = forms.TimeField(required=False, widget=forms.TimeInput(attrs=CLOCK), label="No entry before")
    entry_until = forms.TimeField(required=False, widget=forms.TimeInput(attrs=CLOCK), label="No entry after")
    flat_by = forms.TimeField(
        required=False, widget=forms.TimeInput(attrs=CLOCK),
        help_text=f"empty: {FLAT_BY:%H:%M} for MIS, no time of day for others",
    )  # fmt: skip
    volume_percent = forms.DecimalField(
        required=False, label="Share of volume, %", help_text="of a candle's; empty: any quantity"
    )
    slippage_ticks = forms.DecimalField(label="Slippage, ticks", help_text="off the price; the larger of the two")
    slippage_bps = forms.DecimalField(label="Slippage, basis points", help_text="of the price")
    answers = forms.CharField(
        required=False, widget=forms.TextInput(attrs={"placeholder": "zone=IST, stamps=start"}),
        help_text="what the files do not say",
    )  # fmt: skip

    def __init__(self, *args: Any, parameters: Mapping[str, Any] | None = None, **kwargs: Any) -> None:
        """``parameters``: what those of the strategy in ``initial`` begin with, by their names."""
        super().__init__(*args, **kwargs)
        self.began_with, self.wrong_parameters = dict(parameters or {}), dict[str, list[str]]()
        for name, usual in usual_terms().items():
            self.fields[name].initial = usual
        self.known = dict(Strategy.objects.filter(is_available=True).order_by("title").values_list("name", "title"))
        self._offer("strategy", self.known.items())
        names = Account.objects.active().values_list("name", flat=True)
        self._offer("account", [("", "nobody: none are set"), *((name, name) for name in names)])
        for name, found in (("candles", candles_here()), ("recordings", recordings_here())):
            self._offer(name, ((one, one) for one in found))
        for name in ("capital", "size", "slippage_ticks", "slippage_bps", "volume_percent"):
            self.fields[name].widget.attrs["class"] = "num"

    def _offer(self, field: str, choices: Iterable[tuple[str, str]]) -> None:
        self.fields[field].choices = list(choices)  # type: ignore[attr-defined]

    def what(self) -> list[forms.BoundField]:
        return [self[name] for name in WHAT]

    def terms(self) -> list[forms.BoundField]:
        return [field for field in self if field.name not in WHAT]

    def parameter_sets(self) -> list[dict[str, Any]]:
        """Each strategy with its parameters as fields; one whose code cannot be read has none."""
        chosen = self["strategy"].value() or next(iter(self.known), "")
        return [
            {"strategy": name, "title": title, "fields": self._fields_of(name, is_chosen=name == chosen)}
            for name, title in self.known.items()
        ]

    def _fields_of(self, strategy: str, *, is_chosen: bool) -> list[dict[str, Any]]:
        given = (self._given(strategy) or self.began_with) if is_chosen else {}
        try:
            return parameter_fields(strategy, given, self.wrong_parameters if is_chosen else {})
        except UnknownStrategy:
            return []

    def _given(self, strategy: str) -> dict[str, Any]:
        """What was sent of a strategy's parameters; a field left empty is not given."""
        if not self.is_bound or strategy not in self.data.getlist(PARAMETERS_OF):  # type: ignore[attr-defined]
            return {}
        try:
            given = given_parameters(strategy, self.data, f"{strategy}.")
        except UnknownStrategy:
            return {}
        return {name: value for name, value in given.items() if value != ""}

    def request(self) -> BacktestRequest:
        """Raises BadRequest."""
        given = self.cleaned_data
        share = given["volume_percent"]
        return BacktestRequest.from_json(within_folder({
            **{name: given[name] for name in AS_CHOSEN},
            **{name: given[name].isoformat() for name in MOMENTS if given[name]},
            **{name: str(given[name]) for name in ("capital", "size", "slippage_ticks", "slippage_bps")},
            "instruments": [key.strip().upper() for key in given["instruments"].split(",") if key.strip()],
            "volume_share": None if share is None else str(share / 100),
            "parameters": self._given(given["strategy"]),
            "answers": _pairs("answers", given["answers"]),
        }))  # fmt: skip

    def add_errors(self, errors: Mapping[str, str]) -> None:
        """Show each beside its field; one of a field the form does not have, above all."""
        for name, words in errors.items():
            field = {"volume_share": "volume_percent", "slippage": "slippage_ticks"}.get(name, name)
            self.add_error(field if field in self.fields else None, f"{words[:1].upper()}{words[1:]}.")

    def add_parameter_errors(self, wrong: Mapping[str, list[str]]) -> None:
        """Show each beside its parameter; one of no parameter, above all."""
        self.wrong_parameters = dict(wrong)
        known = {field["name"] for field in self._fields_of(self.cleaned_data["strategy"], is_chosen=True)}
        strange = [f"{name}: {', '.join(words)}." for name, words in wrong.items() if name not in known]
        self.add_error(None, strange or "A parameter is wrong: it says so beside it.")


WHAT = ("strategy", "instruments", "candles", "recordings", "first", "last")
AS_CHOSEN = ("strategy", "candles", "recordings", "account", "sizing", "product", "order_style")
MOMENTS = ("first", "last", "entry_from", "entry_until", "flat_by")


def usual_terms() -> dict[str, Any]:
    """What a request that does not say otherwise has."""
    as_it_is = ("capital", "sizing", "size", "product", "order_style", "entry_from", "entry_until")
    share = USUAL["volume_share"]
    return {name: USUAL[name] for name in (*as_it_is, "slippage_ticks", "slippage_bps")} | {
        "volume_percent": None if share is None else f"{(share * 100).normalize():f}"
    }


def _pairs(field: str, text: str) -> dict[str, str]:
    """Raises BadRequest for what is no name=value."""
    parts = [part.strip() for part in text.split(",") if part.strip()]
    if odd := [part for part in parts if "=" not in part]:
        raise BadRequest({field: f"{odd[0]} is not as name=value"})
    return {name.strip(): value.strip() for name, value in (part.split("=", 1) for part in parts)}


def lots_words(instrument: Instrument, quantity: int) -> str:
    lot = instrument.lot_size
    if lot <= 0:
        return f"{instrument.tradingsymbol} is an index: it cannot be traded."
    low = quantity - quantity % lot
    fitting = f"{low} or {low + lot}" if low else str(lot)
    return f"{instrument.name or instrument.tradingsymbol} trades in lots of {lot}: use {fitting}."


def parameter_fields(
    strategy: str, given: Mapping[str, Any], wrong: Mapping[str, Any] | None = None
) -> list[dict[str, Any]]:
    """Return a strategy's parameters as fields: what they are, what they may be, and what is wrong with them.

    Raises UnknownStrategy.
    """
    described = strategy_class(strategy).Parameters.describe()
    deciding = {field["when"][0] for field in described if field["when"]}
    values = {field["name"]: given.get(field["name"], field["default"]) for field in described}
    return [
        {
            **field,
            "value": values[field["name"]],
            "decides": field["name"] in deciding,
            "applies": not field["when"] or str(values[field["when"][0]]) == field["when"][1],
            "wrong": (wrong or {}).get(field["name"], []),
            "allowed": allowed_words(field),
        }
        for field in described
    ]


def other_problems(strategy: str, wrong: Mapping[str, Any] | None) -> list[str]:
    """Return in words what is wrong and belongs to no field: a name its code no longer has, its code itself."""
    known = {field["name"] for field in strategy_class(strategy).Parameters.describe()}
    return [f"{name}: {words}" for name, found in (wrong or {}).items() if name not in known for words in found]


def allowed_words(field: Mapping[str, Any]) -> str:
    """ "from 5 to 200 bars" """
    bounds = (
        f"from {field['least']} to {field['most']}" if field["least"] is not None and field["most"] is not None else ""
    )
    return f"{bounds} {field['unit']}".strip()


def given_parameters(strategy: str, posted: Mapping[str, Any], prefix: str = "") -> dict[str, Any]:
    """Return what a form sent, by the parameters' names; an unticked box is a no."""
    described = strategy_class(strategy).Parameters.describe()
    return {
        field["name"]: prefix + field["name"] in posted
        if field["kind"] == "yes_no"
        else posted.get(prefix + field["name"], field["default"])
        for field in described
    }
