"""Tags that write a figure once for the first paint and once as a binding the browser keeps current."""

from collections.abc import Mapping
from datetime import datetime
from decimal import Decimal
from typing import Any

from django import template
from django.utils.html import format_html, format_html_join
from django.utils.safestring import SafeString, mark_safe

from alphapanda.core import figures, roles
from alphapanda.dashboard import formats
from trading.risk.meters import WARNING_SHARE

register = template.Library()
MONEY_FORMATS = {"signed", "profit", "signed_whole"}
ICONS_BY_AGE = {
    "live": "live",
    "stale": "stale",
    "dead": "dead",
    "loading": "loading",
    "closed": "closed",
    "unknown": "unknown",
    "failed": "dead",
}

for name, write in formats.FORMATS.items():
    register.filter(name, write)
register.filter("money_tone", formats.money_tone)
register.filter("age", figures.age)


def look_up(item: Any, path: str) -> Any:
    for part in path.split("."):
        item = item.get(part) if isinstance(item, Mapping) else None
    return item


def write_value(value: Any, form: str) -> str:
    if form:
        return formats.FORMATS[form](value)
    return "" if value is None else str(value)


@register.simple_tag
def fig(item: Any, path: str, form: str = "plain", kind: str = "", tone: bool = True) -> SafeString:
    """A figure: `{% fig row "net" "signed" %}`. Profits carry their tone; an absent one is "unknown"."""
    value = look_up(item, path)
    money = formats.money_tone(value) if tone and form in MONEY_FORMATS else ""
    text = write_value(value, form) if item else ""
    coloured = format_html(' data-money="{}"', money) if form in MONEY_FORMATS and tone else ""
    return format_html(
        '<span class="{}" data-b="{}" data-as="{}"{}>{}</span>', f"fig {kind}".strip(), path, form, coloured, text
    )


@register.simple_tag
def still(value: Any, form: str = "plain", tone: bool = True) -> SafeString:
    """A figure that does not change once the page is there: `{% still trade.net "signed" %}`."""
    coloured = tone and form in MONEY_FORMATS
    money = format_html(' data-money="{}"', formats.money_tone(value)) if coloured else ""
    return format_html('<span class="fig"{}>{}</span>', money, write_value(value, form))


@register.simple_tag
def say(item: Any, path: str, kind: str = "") -> SafeString:
    """Words that may change: `{% say row "decision" %}`."""
    attribute = format_html(' class="{}"', kind) if kind else ""
    return format_html('<span data-b="{}"{}>{}</span>', path, attribute, write_value(look_up(item, path), ""))


@register.simple_tag
def bound(item: Any, **paths: str) -> SafeString:
    """Attributes that may change: `<tr {% bound row data_mode="mode" %}>`."""
    pairs = [(name.replace("_", "-"), path) for name, path in paths.items()]
    declared = format_html('data-bind="{}"', " ".join(f"{name}:{path}" for name, path in pairs))
    present = [(name, look_up(item, path)) for name, path in pairs]
    written_out = format_html_join(
        "", ' {}="{}"', ((n, attribute_text(v)) for n, v in present if v not in (None, False, ""))
    )
    return declared + written_out


def attribute_text(value: Any) -> str:
    return "true" if value is True else str(value)


@register.simple_tag(takes_context=True)
def shown(context: Any, item: Any, path: str, needs: str = "") -> SafeString:
    """Shown only while the datum is there: `<p {% shown row "second_line" %}>`.

    With `needs="needs"` only to a reader who may do what the datum of that name asks for (``roles.needs``).
    """
    is_reached = not needs or reach(context).meets(look_up(item, needs) or "")
    hidden = "" if look_up(item, path) and is_reached else " hidden"
    declared = format_html(' data-needs="{}"', needs) if needs else ""
    return format_html('data-show="{}"{}{}', path, declared, mark_safe(hidden))  # noqa: S308


@register.simple_tag(takes_context=True)
def allows(context: Any, name: str, act: str = "", account: Any = "") -> bool:
    """Whether the reader may do an act of a page: `{% allows "place_order" as may_place %}`."""
    return reach(context).meets(roles.needs(name, act, account))


def reach(context: Any) -> roles.Reach:
    found: roles.Reach = context["reach"]
    return found


@register.simple_tag
def icon(name: str, size: int = 10) -> SafeString:
    """A fixed icon; always put a word beside it."""
    kind = "icon" if size == 10 else f"icon icon-{size}"
    return format_html('<svg class="{}" aria-hidden="true"><use href="#i-{}"/></svg>', kind, name)


@register.simple_tag
def bound_icon(item: Any, path: str = "icon", size: int = 10) -> SafeString:
    """A icon that follows the datum."""
    kind = "icon" if size == 10 else f"icon icon-{size}"
    name = look_up(item, path) or "none"
    return format_html('<svg class="{}" aria-hidden="true" data-icon="{}"><use href="#i-{}"/></svg>', kind, path, name)


@register.simple_tag
def aged(item: Any, path: str = "age", short: bool = False) -> SafeString:
    """The age of the oldest datum shown; scripts count it on, without them it is a time of day."""
    datum = look_up(item, path) or {}
    state = datum.get("state", "unknown")
    return format_html(
        '<span class="age" data-age="{}" data-state="{}"{}>'
        '<svg class="icon" aria-hidden="true"><use href="#i-{}"/></svg><span>{}</span></span>',
        path,
        state,
        mark_safe(' data-short=""') if short else "",
        ICONS_BY_AGE.get(state, "unknown"),
        still_age(datum),
    )


def still_age(datum: Mapping[str, Any]) -> str:
    at: datetime | str | None = datum.get("at")
    if datum.get("words"):
        return str(datum["words"])
    return f"at {figures.clock_time(at)}" if at else figures.UNKNOWN


@register.simple_tag
def meter(item: Any, path: str = "") -> SafeString:
    """A 4 px track with its used part, what working orders reserve, and the warning line."""
    datum = look_up(item, path) if path else item
    datum = datum or {}
    used, held = meter_percent(datum.get("ratio")), meter_percent(datum.get("reserved_ratio"))
    return format_html(
        '<svg class="meter" role="meter" aria-label="{}" aria-valuetext="{}" aria-valuemin="0" aria-valuemax="100" '
        'aria-valuenow="{}" data-meter="{}" data-tone="{}"><rect class="track" width="100%" height="4"/>'
        '<rect class="ink" width="{}%" height="4"/><rect class="reserved" x="{}%" width="{}%" height="4"/>'
        '<rect class="notch" x="{}%" y="-2" width="1" height="8"/></svg>',
        datum.get("name", ""),
        datum.get("spoken", ""),
        used,
        path or ".",
        datum.get("tone", ""),
        used,
        used,
        min(held, Decimal(100) - used),
        round(WARNING_SHARE * 100),
    )


def meter_percent(ratio: str | None) -> Decimal:
    number = figures.exact(ratio) or Decimal(0)
    return (min(max(number, Decimal(0)), Decimal(1)) * 100).quantize(Decimal("0.1"))


@register.simple_tag
def money_bar(item: Any, value: str, scale: str = "bar_scale") -> SafeString:
    """A bar left or right of a zero line, 60 wide, one scale per table."""
    amount, largest = figures.exact(look_up(item, value)), figures.exact(look_up(item, scale))
    width = min(abs(amount) / largest, Decimal(1)) * 29 if amount and largest else Decimal(0)
    left = Decimal(30) - width if amount and amount < 0 else Decimal(30)
    return format_html(
        '<svg class="bar" aria-hidden="true" viewBox="0 0 60 12" data-bar="{}" data-scale="{}">'
        '<rect x="{}" y="3" width="{}" height="6" data-money="{}"/><line x1="30" x2="30" y1="0" y2="12"/></svg>',
        value,
        scale,
        f"{left:.1f}",
        f"{width:.1f}",
        formats.money_tone(amount),
    )
