"""What one backtest was asked, in words: its parameters, its hours and size, and in what it differs from the usual."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import MISSING, fields
from datetime import time
from typing import Any, TypedDict

from alphapanda.core.figures import counted, exact, short_rupees
from trading.lab.bar_path import FillTerms
from trading.lab.request import BacktestRequest
from trading.models.strategies import FLAT_BY
from trading.run.hosts import UnknownStrategy, strategy_class
from trading.run.terms import INTRADAY
from trading.strategies.parameters import BadParameters

USUAL: dict[str, Any] = {
    each.name: each.default
    for terms in (BacktestRequest, FillTerms)
    for each in fields(terms)
    if each.default is not MISSING
}
SIZING_WORDS = {"capital": "a position", "risk": "at risk a position"}


class ParameterRow(TypedDict):
    """``usual`` is its code's own value in words where this one differs from it."""

    name: str
    label: str
    words: str
    usual: str


def parameter_rows(strategy: str, given: Mapping[str, Any]) -> list[ParameterRow]:
    """Each parameter as the strategy's code describes it; as given where the code is gone or refuses them now."""
    try:
        known = strategy_class(strategy).Parameters
        described, own = known.describe(), known().to_json()
        used = known.from_json(dict(given)).to_json()
    except (UnknownStrategy, BadParameters):
        return [{"name": name, "label": name, "words": said(value), "usual": ""} for name, value in given.items()]
    return [
        {
            "name": each["name"],
            "label": each["label"],
            "words": said(used[each["name"]], each["unit"]),
            "usual": said(own[each["name"]], each["unit"]) if used[each["name"]] != own[each["name"]] else "",
        }
        for each in described
    ]


def said(value: Any, unit: str = "") -> str:
    return f"{('no', 'yes')[value] if isinstance(value, bool) else value} {unit}".strip()


def differing_words(strategy: str, asked: Mapping[str, Any]) -> str:
    """Say in what a request differs from its strategy's defaults and the lab's; empty where it does not."""
    rows = parameter_rows(strategy, asked.get("parameters") or {})
    changed = [f"{row['label']} {row['words']}" for row in rows if row["usual"] or row["label"] == row["name"]]
    return ", ".join((*changed, *_other_terms(asked)))


def _other_terms(asked: Mapping[str, Any]) -> list[str]:
    size, hours = (asked.get("sizing"), asked.get("size")), _hours(asked)
    flat = hours["flat_by"]
    usual_flat = FLAT_BY if asked.get("product") == INTRADAY else None
    words = [
        (_differs(asked, "product"), str(asked.get("product"))),
        (_differs(asked, "sizing") or _differs(asked, "size"), size_words(*map(str, size))),
        (_differs(asked, "capital"), f"capital {short_rupees(asked.get('capital'))}"),
        (_differs(asked, "order_style"), f"at {asked.get('order_style')}"),
        (_differs(asked, "account"), f"limits of {asked.get('account')}"),
        (_differs(asked, "slippage_ticks"), f"{counted_text(asked.get('slippage_ticks'), 'tick')} off"),
        (_differs(asked, "slippage_bps"), f"{asked.get('slippage_bps')} bp off"),
        (hours["entry_from"] != USUAL["entry_from"] or hours["entry_until"] != USUAL["entry_until"],
         f"enters {window_words(asked)}"),
        (flat != usual_flat, f"flat by {flat:%H:%M}" if flat else "not made flat"),
    ]  # fmt: skip
    return [text for differs, text in words if differs]


def _differs(asked: Mapping[str, Any], name: str) -> bool:
    """A figure by its value: 100000.00 is 100000. What a request does not name is the usual."""
    if name not in asked:
        return False
    value, usual = asked[name], USUAL[name]
    number, own = exact(value), exact(usual)
    return number != own if number is not None and own is not None else str(value or "") != str(usual or "")


def _hours(asked: Mapping[str, Any]) -> dict[str, time | None]:
    return {name: read_time(asked.get(name)) for name in ("entry_from", "entry_until", "flat_by")}


def read_time(text: Any) -> time | None:
    return time.fromisoformat(text) if text else None


def window_words(asked: Mapping[str, Any]) -> str:
    hours = _hours(asked)
    opens, ends = hours["entry_from"], hours["entry_until"]
    return f"{f'{opens:%H:%M}' if opens else 'the open'} to {f'{ends:%H:%M}' if ends else 'the close'}"


def flat_words(asked: Mapping[str, Any]) -> str:
    flat = _hours(asked)["flat_by"]
    return f"{flat:%H:%M}" if flat else "no time of day"


def size_words(sizing: str, size: str) -> str:
    if sizing == "lots":
        return f"{counted_text(size, 'lot')} a position"
    return f"{short_rupees(size)} {SIZING_WORDS.get(sizing, sizing)}"


def counted_text(figure: Any, one: str) -> str:
    """1 tick; 0.5 ticks: a figure as it was given."""
    number = exact(figure)
    return counted(int(number), one) if number is not None and not number % 1 else f"{figure} {one}s"
