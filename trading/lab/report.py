"""Write down what a backtest came to: JSON values, and CSV files that are whole or not there."""

from __future__ import annotations

import csv
import os
import tempfile
from collections.abc import Iterable
from dataclasses import asdict
from datetime import date, datetime
from decimal import Decimal
from pathlib import Path
from typing import Any

from alphapanda.core.figures import counted, profit, rupees, weekday_date
from alphapanda.core.figures import plain as plain_figure
from alphapanda.core.timezone import IST
from trading.lab.backtest import Outcome, Stopped
from trading.lab.request import BacktestRequest
from trading.lab.result import Drawdown, Figures, PerTrade
from trading.lab.round_trips import RoundTrip
from trading.lab.tables import TABLES, TRADE_COLUMNS, Row
from trading.risk.assess import RULES


def as_json(outcome: Outcome) -> dict[str, Any]:
    """Return the whole result; money as strings, a figure that is not known as null, with why in ``unknown``."""
    return plain({
        "request": outcome.request.to_json(),
        "code_hash": outcome.code_hash,
        "data_digest": outcome.data_digest,
        "fills": _fills(outcome.request),
        "stopped": asdict(outcome.stopped) if outcome.stopped else None,
        **_figures(outcome.figures),
        "undecided_minutes": outcome.undecided,
        "better_net": outcome.better_net,
        "needs_ticks": outcome.needs_ticks,
        "refusals": outcome.refusals,
        "not_asked": {code: {"times": times, "first": first} for code, (times, first) in outcome.not_asked.items()},
        "warnings": outcome.warnings,
        "notes": what_to_know(outcome),
        "round_trips": [_trade(trip) for trip in outcome.trips],
    })  # fmt: skip


def _figures(figures: Figures) -> dict[str, Any]:
    return {
        "net": figures.net,
        "gross": figures.gross,
        "charges": figures.charges,
        "total_charges": figures.total_charges,
        "unknown": figures.unknown,
        "trades": figures.trades,
        "winners": figures.winners,
        "open_trades": figures.open_trades,
        **asdict(figures.per_trade),
        "exposure_percent": figures.exposure,
        "drawdown": asdict(figures.drawdown) if figures.drawdown else None,
        "worst_days": figures.worst_days,
        "by_month": figures.by_month,
        "equity": figures.equity,
    }


def _fills(request: BacktestRequest) -> str:
    return request.fills.words() if request.candles else "the recorded books"


def _trade(trip: RoundTrip) -> dict[str, Any]:
    return {name: getattr(trip, name) for name in TRADE_COLUMNS}


def plain(value: Any) -> Any:
    """Return a value as JSON has it."""
    if isinstance(value, Decimal):
        return f"{value:f}"
    if isinstance(value, datetime):
        return value.astimezone(IST).isoformat()
    if isinstance(value, date):
        return value.isoformat()
    if isinstance(value, dict):
        return {str(key): plain(one) for key, one in value.items()}
    return [plain(one) for one in value] if isinstance(value, list | tuple) else value


def write_csv(outcome: Outcome, folder: Path) -> list[Path]:
    """Write trades, equity and months. Raises OSError: then no file of this name was changed."""
    folder.mkdir(parents=True, exist_ok=True)
    result = as_json(outcome)
    return [_write(folder / name, rows_of(result)) for name, rows_of in TABLES.items()]


def _write(path: Path, rows: Iterable[Row]) -> Path:
    """Write beside the name and rename: a full disk leaves nothing that looks like a result."""
    handle, name = tempfile.mkstemp(prefix=f".{path.name}.", dir=path.parent, text=True)
    try:
        with os.fdopen(handle, "w", newline="", encoding="utf-8") as file:
            csv.writer(file).writerows(rows)
        Path(name).replace(path)
    except BaseException:
        Path(name).unlink(missing_ok=True)
        raise
    return path


def in_words(outcome: Outcome) -> list[str]:
    """Say a result in lines: first the figures, then what one has to know of them."""
    figures, request = outcome.figures, outcome.request
    days = figures.equity
    span = f", {days[0][0]} to {days[-1][0]}" if days else ": no day was played"
    won = f"{counted(figures.trades, 'trade')}, {figures.winners} of them won; {figures.open_trades} open at the end"
    held = "" if figures.exposure is None else f"; held {figures.exposure} % of the time"
    per_trade = _per_trade(figures.per_trade)
    return [
        *([f"{stopped_words(outcome.stopped)}."] if outcome.stopped else []),
        f"{request.strategy} on {', '.join(request.instruments)}{span}",
        *assumptions(request),
        f"Net {_money(figures.net)}, gross {_money(figures.gross)}, charges {_charges(figures.charges)}.",
        f"{won}{held}.",
        *([f"{per_trade}."] if per_trade else []),
        *([_fall(figures.drawdown)] if figures.drawdown else []),
        *(f"  {day['day']}  {profit(day['net'])}  {day['reason']}" for day in figures.worst_days),
        *(f"Note: {words}." for words in what_to_know(outcome)),
        f"Code {outcome.code_hash[:12]}, data {outcome.data_digest[:12]}.",
    ]


def assumptions(request: BacktestRequest) -> list[str]:
    """Say on what terms it was played."""
    size = f"{counted(int(request.size), 'lot')}" if request.sizing == "lots" else rupees(request.size, 0)
    each = {"lots": f"{size} a position", "capital": f"{size} a position", "risk": f"{size} at risk a position"}
    window = " to ".join(f"{at:%H:%M}" for at in (request.entry_from, request.entry_until) if at)
    flat = f"flat by {request.flat_by:%H:%M}" if request.flat_by else "nothing flat by a time of day"
    parameters = ", ".join(f"{name} {value}" for name, value in request.parameters.items())
    return [
        f"Capital {rupees(request.capital, 0)}, {each[request.sizing]}, {request.product} at {request.order_style}; "
        f"entries {window}, {flat}; fills from {_fills(request)}; limits of {request.account or 'nobody'}.",
        *([f"Parameters: {parameters}."] if parameters else []),
    ]


def what_to_know(outcome: Outcome) -> list[str]:
    """Return in words what one has to know of the figures."""
    refused = ", ".join(refusal_words(code, count) for code, count in sorted(outcome.refusals.items()))
    return [
        *outcome.figures.unknown,
        *outcome.warnings,
        *([outcome.needs_ticks] if outcome.needs_ticks else []),
        *([f"the gate refused: {refused}"] if refused else []),
        *_not_asked(outcome),
    ]


RULE_TITLES = {str(rule.code): rule.title for rule in RULES}


def refusal_words(code: str, count: int) -> str:
    """Intraday cut-off (MIS_CUTOFF) 9 times: what the rule is called, and the code it is looked up by."""
    title = RULE_TITLES.get(code)
    times = "once" if count == 1 else f"{count} times"
    return f"{title} ({code}) {times}" if title else f"{code} {times}"


# It holds or has asked already: that it wants the same again keeps nobody from trading.
NO_HINDRANCE = ("already_held", "in_flight")


def _not_asked(outcome: Outcome) -> list[str]:
    hindered = {code: found for code, found in sorted(outcome.not_asked.items()) if code not in NO_HINDRANCE}
    words = [
        f"{counted(times, 'entry', 'entries')} wanted and not asked; the first: {first}"
        for times, first in hindered.values()
    ]
    if outcome.trips or words or outcome.refusals:
        return words
    return ["no trade: the strategy wanted to enter nowhere"]


def stopped_words(stopped: Stopped) -> str:
    when = f"{weekday_date(stopped.at)} {stopped.at.astimezone(IST):%Y %H:%M:%S}"
    return f"Stopped by a fault on {when}, day {stopped.nth_day} of {stopped.days}: {stopped.words}"


def _money(amount: Decimal | None) -> str:
    return "unknown" if amount is None else profit(amount)


def _charges(charges: dict[str, Decimal]) -> str:
    return ", ".join(f"{kind.replace('_', ' ')} {plain_figure(amount)}" for kind, amount in charges.items()) or "none"


def _per_trade(of: PerTrade) -> str:
    parts = [
        f"won {of.win_percent} % of trades" if of.win_percent is not None else "",
        f"average win {profit(of.average_win)}" if of.average_win is not None else "",
        f"average loss {profit(of.average_loss)}" if of.average_loss is not None else "",
        f"profit factor {of.profit_factor}" if of.profit_factor is not None else "",
    ]
    words = ", ".join(filter(None, parts))
    return words[:1].upper() + words[1:]


def _fall(fall: Drawdown) -> str:
    over = "not made good" if fall.days is None else f"made good after {counted(fall.days, 'day')}"
    return f"Deepest fall {profit(-fall.rupees)} ({fall.percent} %), {fall.since} to {fall.lowest_on}, {over}."
