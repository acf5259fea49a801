"""One backtest: its figures, its equity from day to day, its months, its worst days, and each trade with its why."""

from __future__ import annotations

from decimal import Decimal
from typing import Any, TypedDict
from uuid import UUID

from alphapanda.core.figures import plain, profit, took, whole
from alphapanda.dashboard.formats import money_tone
from alphapanda.dashboard.panels.ages import Age, fixed_age
from alphapanda.dashboard.panels.context import PageContext
from alphapanda.dashboard.panels.lab.page import LOOKS, days_words, instruments_words, progress_words
from alphapanda.dashboard.panels.lab.page import took as time_taken
from alphapanda.dashboard.panels.shell import CommonFacts, common_facts
from trading.models import Backtest

S = Backtest.State
SHOWN_TRADES = 500
WIDTH, HEIGHT = 1000, 200
CHARGE_WORDS = {"transaction_tax": "STT", "gst": "GST", "dp_charge": "DP charge"}


class Curve(TypedDict):
    """An SVG path over WIDTH × HEIGHT, the height of what it began with, and what its edges stand for."""

    path: str
    begin: float
    highest: str
    lowest: str
    first: str
    last: str
    words: str


class BacktestSnapshot(CommonFacts):
    name: str
    state: str
    icon: str
    tone: str
    progress: str
    age: Age
    terms: list[dict[str, str]]
    result: dict[str, Any] | None
    curve: Curve | None
    notes: list[str]
    charges: list[dict[str, str]]
    months: list[dict[str, Any]]
    trades: list[dict[str, Any]]
    trades_words: str


def backtest_snapshot(backtest_id: UUID) -> BacktestSnapshot:
    """Raises Backtest.DoesNotExist."""
    job: Any = Backtest.objects.get(pk=backtest_id)
    result = job.result
    job.result_needs_ticks = (result or {}).get("needs_ticks", "")
    icon, tone = LOOKS[S(job.state)]
    return {
        **common_facts(PageContext()),
        "name": job.strategy,
        "state": S(job.state).label.capitalize(),
        "icon": icon,
        "tone": tone,
        "progress": progress_words(job),
        "age": fixed_age(
            "closed", f"took {took(taken)}" if (taken := time_taken(job)) else "not over", job.finished_at
        ),
        "terms": list_terms(job),
        "result": result,
        "curve": curve_of(result, job.request["capital"]) if result else None,
        "notes": result.get("notes", []) if result else [],
        "charges": charges_of(result) if result else [],
        "months": months_of(result) if result else [],
        "trades": [trade_row(nth, trade) for nth, trade in enumerate(newest_trades(result))] if result else [],
        "trades_words": trades_words(result) if result else "",
    }


def age_of_job(job: Backtest) -> Age:
    taken = time_taken(job)
    return fixed_age("closed", f"took {took(taken)}" if taken else "not over", job.finished_at)


def list_terms(job: Any) -> list[dict[str, str]]:
    asked = (job.result or {}).get("request", job.request)
    pairs = [
        ("Instruments", instruments_words(asked["instruments"])),
        ("Days", days_words(asked)),
        ("Data", ", ".join(path.rpartition("/")[2] for path in (*asked["candles"], *asked["recordings"]))),
        ("Fills", (job.result or {}).get("fills", "")),
        ("Capital", f"₹{plain(asked['capital'])}"),
        ("Size", f"{asked['size']}, {asked['sizing']}; {asked['product']}, at {asked['order_style']}"),
        ("Parameters", ", ".join(map(_parameter, asked["parameters"].items())) or "its code's own"),
        ("Limits of", asked["account"] or "nobody"),
        ("Code, data", f"{job.code_hash[:12]}, {job.data_digest[:12]}" if job.code_hash else ""),
        ("Asked by", job.asked_by),
    ]  # fmt: skip
    return [{"name": name, "words": words} for name, words in pairs if words]


def _parameter(named: tuple[str, Any]) -> str:
    name, value = named
    return f"{name} {('no', 'yes')[value] if isinstance(value, bool) else value}"


def curve_of(result: dict[str, Any], capital: str) -> Curve | None:
    """Equity at the ends of days; None with fewer than two days that have one."""
    points = [(day, Decimal(value)) for day, value in result["equity"] if value is not None]
    if len(points) < 2:
        return None
    values = [value for _, value in points]
    low, high = min(*values, Decimal(capital)), max(*values, Decimal(capital))
    span = high - low or Decimal(1)

    def height(value: Decimal) -> float:
        return float((high - value) / span * HEIGHT)

    step = WIDTH / (len(points) - 1)
    path = "".join(
        f"{'L' if nth else 'M'}{nth * step:.1f} {height(value):.1f}" for nth, (_, value) in enumerate(points)
    )
    words = f"Equity from ₹{plain(values[0])} to ₹{plain(values[-1])}, at most ₹{plain(high)}, at least ₹{plain(low)}"
    return {
        "path": path,
        "begin": round(height(Decimal(capital)), 1),
        "highest": plain(high, 0),
        "lowest": plain(low, 0),
        "first": points[0][0],
        "last": points[-1][0],
        "words": words,
    }


def charges_of(result: dict[str, Any]) -> list[dict[str, str]]:
    return [
        {"name": CHARGE_WORDS.get(kind, kind.replace("_", " ").capitalize()), "amount": plain(amount)}
        for kind, amount in result["charges"].items()
    ]


def months_of(result: dict[str, Any]) -> list[dict[str, Any]]:
    """Each month with its days: how much, and how strongly to shade it (0 to 4, by the largest day of all)."""
    months = {
        month: {int(day): Decimal(net) for day, net in days.items()} for month, days in result["by_month"].items()
    }
    largest = max((abs(net) for days in months.values() for net in days.values()), default=Decimal(0)) or Decimal(1)
    return [
        {
            "month": month,
            "total": str(sum(days.values())),
            "days": [_day_cell(month, day, days.get(day), largest) for day in range(1, 32)],
        }
        for month, days in months.items()
    ]


def _day_cell(month: str, day: int, net: Decimal | None, largest: Decimal) -> dict[str, Any]:
    if net is None:
        return {"day": day, "words": "", "tone": "", "shade": 0}
    shade = min(4, int(abs(net) / largest * 4) + 1) if net else 0
    return {"day": day, "words": f"{month}-{day:02d} {profit(net)}", "tone": money_tone(net), "shade": shade}


def newest_trades(result: dict[str, Any]) -> list[dict[str, Any]]:
    trades: list[dict[str, Any]] = result["round_trips"]
    return trades[::-1][:SHOWN_TRADES]


def trade_row(nth: int, trade: dict[str, Any]) -> dict[str, Any]:
    return trade | {"key": str(nth), "quantity": str(trade["quantity"])}


def trades_words(result: dict[str, Any]) -> str:
    every = len(result["round_trips"])
    told = "1 trade" if every == 1 else f"{whole(every)} trades"
    return told + (f", the last {SHOWN_TRADES} shown" if every > SHOWN_TRADES else "")
