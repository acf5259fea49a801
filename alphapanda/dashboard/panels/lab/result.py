"""One backtest: its figures, its equity from day to day, its months, its worst days, and each trade with its why."""

from __future__ import annotations

from decimal import Decimal
from typing import Any, TypedDict
from uuid import UUID

from alphapanda.core.figures import (
    NBSP,
    UNKNOWN,
    clock_minute,
    counted,
    long_date,
    plain,
    profit,
    rupees,
    took,
    whole,
)
from alphapanda.dashboard.formats import money_tone
from alphapanda.dashboard.panels.ages import Age, fixed_age
from alphapanda.dashboard.panels.context import PageContext
from alphapanda.dashboard.panels.lab.again import deployment_link
from alphapanda.dashboard.panels.lab.page import LOOKS, days_words, instruments_words, progress_words
from alphapanda.dashboard.panels.lab.page import took as time_taken
from alphapanda.dashboard.panels.lab.terms import (
    ParameterRow,
    flat_words,
    parameter_rows,
    size_words,
    window_words,
)
from alphapanda.dashboard.panels.shell import CommonFacts, common_facts
from trading.models import Backtest

S = Backtest.State
OPEN = (S.WAITING, S.RUNNING)
SHOWN_TRADES, MORE_TRADES = 50, 200
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


class Fact(TypedDict):
    """One figure of the result: ``amount`` where it is money won or lost, else ``words``."""

    name: str
    amount: str | None
    words: str
    note: str


class BacktestSnapshot(CommonFacts):
    key: str
    name: str
    about: str
    state: str
    icon: str
    tone: str
    progress: str
    no_figures: str
    age: Age
    terms: list[dict[str, str]]
    parameters: list[ParameterRow]
    deploy: str
    result: dict[str, Any] | None
    facts: list[Fact]
    curve: Curve | None
    notes: list[str]
    charges: list[dict[str, str]]
    charges_total: str | None
    months: list[dict[str, Any]]
    trades: list[dict[str, Any]]
    trades_words: str
    more: int | None


def backtest_snapshot(backtest_id: UUID, shown: int = SHOWN_TRADES) -> BacktestSnapshot:
    """Return one backtest with its last ``shown`` trades. Raises Backtest.DoesNotExist."""
    job: Any = Backtest.objects.get(pk=backtest_id)
    result = job.result
    job.result_needs_ticks = (result or {}).get("needs_ticks", "")
    icon, tone = LOOKS[S(job.state)]
    asked = (result or {}).get("request", job.request)
    return {
        **common_facts(PageContext()),
        "key": str(job.pk),
        "name": job.strategy,
        "about": f"{instruments_words(asked['instruments'])}, {days_words(asked)}",
        "state": S(job.state).label.capitalize(),
        "icon": icon,
        "tone": tone,
        "progress": progress_words(job),
        "no_figures": "Its figures come here when it is done." if job.state in OPEN else "It came to no figures.",
        "age": age_of_job(job),
        "terms": list_terms(job),
        "parameters": parameter_rows(job.strategy, asked["parameters"]),
        "deploy": deployment_link(job) if result else "",
        **figures_part(result, asked["capital"], shown),  # type: ignore[typeddict-item]
    }


NOTHING: dict[str, Any] = {
    "result": None, "facts": [], "curve": None, "notes": [], "charges": [], "charges_total": None, "months": [],
    "trades": [], "trades_words": "", "more": None,
}  # fmt: skip
# Megabytes, and shown from ``curve`` and ``trades``: the files have all of it.
LONG_PARTS = ("round_trips", "equity", "request", "by_month")


def figures_part(result: dict[str, Any] | None, capital: str, shown: int) -> dict[str, Any]:
    """What a snapshot has where there is a result."""
    if result is None:
        return NOTHING
    every = len(result["round_trips"])
    return {
        "result": {name: value for name, value in result.items() if name not in LONG_PARTS},
        "facts": facts_of(result),
        "curve": curve_of(result, capital),
        "notes": result.get("notes", []),
        "charges": charges_of(result),
        "charges_total": result.get("total_charges"),
        "months": months_of(result),
        "trades": [trade_row(nth, trade) for nth, trade in enumerate(result["round_trips"][::-1][:shown])],
        "trades_words": counted(every, "trade"),
        "more": min(shown + MORE_TRADES, every) if every > shown else None,
    }


def facts_of(result: dict[str, Any]) -> list[Fact]:
    """The figures beside the net. What could be known and is not says so; what there was none of, that."""
    # A result from before these figures were made has none of them.
    none = UNKNOWN if result["unknown"] or "win_percent" not in result else "none"
    won, factor, held = (result.get(name) for name in ("win_percent", "profit_factor", "exposure_percent"))
    left = f"{result['open_trades']} open at the end" if result["open_trades"] else ""
    return [
        _fact("Trades", whole(result["trades"]), left),
        _fact("Won", f"{won}{NBSP}%" if won else none, f"{result['winners']} of {result['trades']}"),
        _fact("Average win", none, "after charges", result.get("average_win")),
        _fact("Average loss", none, "after charges", result.get("average_loss")),
        _fact("Profit factor", factor or none, "all won over all lost"),
        _fall(result["drawdown"]),
        _fact("Held", f"{held} % of the time" if held else "never", ""),
    ]


def _fact(name: str, words: str, note: str, amount: str | None = None) -> Fact:
    return {"name": name, "words": words, "note": note, "amount": amount}


def _fall(fall: dict[str, Any] | None) -> Fact:
    if fall is None:
        return _fact("Deepest fall", "none", "at the end of a day")
    over = "not made good" if fall["days"] is None else f"made good after {counted(fall['days'], 'day')}"
    note = f"{fall['since']} to {fall['lowest_on']}; {over}"
    return _fact("Deepest fall", f"{rupees(fall['rupees'])} ({fall['percent']} %)", note)


def age_of_job(job: Backtest) -> Age:
    taken = time_taken(job)
    return fixed_age("closed", f"took {took(taken)}" if taken else "not over", job.finished_at)


def list_terms(job: Any) -> list[dict[str, str]]:
    asked = (job.result or {}).get("request", job.request)
    pairs = [
        ("Instruments", instruments_words(asked["instruments"])),
        ("Days", days_words(asked)),
        ("Data", ", ".join(path.rpartition("/")[2] for path in (*asked["candles"], *asked["recordings"]))),
        ("Capital", rupees(asked["capital"])),
        ("Size", size_words(asked["sizing"], asked["size"])),
        ("Product", asked["product"]),
        ("Enters", f"{window_words(asked)}, at {asked['order_style']}"),
        ("Flat by", flat_words(asked)),
        ("Fills", (job.result or {}).get("fills", "")),
        ("Limits of", asked["account"] or "nobody"),
        ("Asked by", f"{job.asked_by}, {long_date(job.asked_at)} {clock_minute(job.asked_at)}"),
        ("Code, data", f"{job.code_hash[:12]}, {job.data_digest[:12]}" if job.code_hash else ""),
    ]  # fmt: skip
    return [{"name": name, "words": words} for name, words in pairs if words]


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


def trade_row(nth: int, trade: dict[str, Any]) -> dict[str, Any]:
    return trade | {
        "key": str(nth),
        "quantity": str(trade["quantity"]),
        "entered": f"{long_date(trade['entered_at'])} {clock_minute(trade['entered_at'])}",
        "exited": _exited(trade),
    }


def _exited(trade: dict[str, Any]) -> str:
    """When it ended: the time alone where it began on the same day."""
    began, ended = trade["entered_at"], trade["exited_at"]
    if not ended:
        return "still open"
    same_day = long_date(began) == long_date(ended)
    return clock_minute(ended) if same_day else f"{long_date(ended)} {clock_minute(ended)}"
