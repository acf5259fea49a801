"""From one backtest to the next step: the form filled with what it was asked, or a deployment's with what it used."""

from __future__ import annotations

from pathlib import Path
from typing import Any
from urllib.parse import urlencode

from django.urls import reverse

from alphapanda.core.figures import exact
from instruments.models import Instrument
from market.models import Recording
from portfolio.models import Account
from trading.lab.jobs import candle_folder
from trading.lab.request import TEXTS
from trading.models import Backtest, Strategy
from trading.run.hosts import UnknownStrategy, strategy_class
from trading.strategies.parameters import BadParameters

TERMS = ("product", "sizing", "size", "order_style", "entry_from", "entry_until", "flat_by")
PREFIX = "parameter_"  # as the admin's form of a deployment names its parameters


def form_values(job: Backtest) -> dict[str, Any]:
    """Return what the lab's form begins with to ask the same again; ``parameters`` by their names."""
    asked = job.request
    share = exact(asked.get("volume_share"))
    paths = asked.get("recordings") or []
    days = Recording.objects.filter(path__in=paths).values_list("day", flat=True)
    return {name: asked.get(name) for name in TEXTS} | {
        "instruments": ", ".join(asked["instruments"]),
        "candles": [_name_of(path) for path in asked.get("candles") or []],
        "recordings": [str(day) for day in days],
        "volume_percent": None if share is None else f"{(share * 100).normalize():f}",
        "answers": ", ".join(f"{name}={value}" for name, value in (asked.get("answers") or {}).items()),
        "parameters": _parameters(job.strategy, asked.get("parameters") or {}),
    }  # fmt: skip


def _parameters(strategy: str, given: dict[str, Any]) -> dict[str, Any]:
    """As their kinds have them: a script's "no" is no ticked box. As given where the code does not take them now."""
    try:
        read = strategy_class(strategy).Parameters.from_json(given).to_json()
    except (UnknownStrategy, BadParameters):
        return given
    return {name: read[name] for name in given}


def _name_of(path: str) -> str:
    """A file by its name within the lab's folder, as the form offers it; one from elsewhere as it is."""
    folder = candle_folder()
    return str(Path(path).relative_to(folder)) if Path(path).is_relative_to(folder) else path


def deployment_link(job: Backtest) -> str:
    """Return the address of a new deployment's form, filled with what this backtest used; empty without its code."""
    strategy = Strategy.objects.filter(name=job.strategy, is_available=True).first()
    if strategy is None:
        return ""
    asked = (job.result or {}).get("request", job.request)
    account = Account.objects.active().filter(name=asked.get("account") or "").first()
    found = Instrument.objects.by_keys(asked["instruments"])
    values = {
        "strategy": strategy.pk,
        "instruments": ",".join(str(one.pk) for one in found.values()),
        **({"account": account.pk} if account else {}),
        **{name: asked.get(name) or "" for name in TERMS},
        **{f"{PREFIX}{name}": _sent(value) for name, value in asked["parameters"].items()},
    }
    return f"{reverse('admin:trading_deployment_add')}?{urlencode(values)}"


def _sent(value: Any) -> Any:
    """A no is an empty value: a box would take the word for a yes."""
    return ("", "on")[value] if isinstance(value, bool) else value
