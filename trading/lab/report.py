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

from alphapanda.core.figures import clock_time, counted, profit, weekday_date
from alphapanda.core.figures import plain as plain_figure
from trading.lab.backtest import Outcome
from trading.lab.result import Drawdown
from trading.lab.round_trips import RoundTrip

TRADE_COLUMNS = (
    "run", "instrument", "side", "quantity", "entered_at", "entry_price", "entry_reason", "exited_at", "exit_price",
    "exit_reason", "gross", "charges", "net",
)  # fmt: skip


def as_json(outcome: Outcome) -> dict[str, Any]:
    """Return the whole result; money as strings, a figure that is not known as null, with why in ``unknown``."""
    figures = outcome.figures
    return plain({
        "request": outcome.request.to_json(),
        "code_hash": outcome.code_hash,
        "data_digest": outcome.data_digest,
        "fills": outcome.request.fills.words() if outcome.request.candles else "the recorded books",
        "net": figures.net,
        "gross": figures.gross,
        "charges": figures.charges,
        "unknown": figures.unknown,
        "trades": figures.trades,
        "winners": figures.winners,
        "open_trades": figures.open_trades,
        "exposure_percent": figures.exposure,
        "drawdown": asdict(figures.drawdown) if figures.drawdown else None,
        "worst_days": figures.worst_days,
        "by_month": figures.by_month,
        "equity": figures.equity,
        "undecided_minutes": outcome.undecided,
        "better_net": outcome.better_net,
        "needs_ticks": outcome.needs_ticks,
        "refusals": outcome.refusals,
        "warnings": outcome.warnings,
        "faults": [{"run": one.run, "at": one.at, "words": one.words} for one in outcome.faults],
        "round_trips": [_trade(trip) for trip in outcome.trips],
    })  # fmt: skip


def _trade(trip: RoundTrip) -> dict[str, Any]:
    return {name: getattr(trip, name) for name in TRADE_COLUMNS}


def plain(value: Any) -> Any:
    """Return a value as JSON has it."""
    if isinstance(value, Decimal):
        return f"{value:f}"
    if isinstance(value, date | datetime):
        return value.isoformat()
    if isinstance(value, dict):
        return {str(key): plain(one) for key, one in value.items()}
    return [plain(one) for one in value] if isinstance(value, list | tuple) else value


def write_csv(outcome: Outcome, folder: Path) -> list[Path]:
    """Write trades, equity and months. Raises OSError: then no file of this name was changed."""
    folder.mkdir(parents=True, exist_ok=True)
    days = range(1, 32)
    trades = ([getattr(one, name) for name in TRADE_COLUMNS] for one in outcome.trips)
    months = (
        [month, *(by_day.get(day) for day in days), sum(by_day.values())]
        for month, by_day in outcome.figures.by_month.items()
    )
    return [
        _write(folder / "trades.csv", TRADE_COLUMNS, trades),
        _write(folder / "equity.csv", ("day", "equity"), outcome.figures.equity),
        _write(folder / "months.csv", ("month", *days, "total"), months),
    ]


def _write(path: Path, heading: Iterable[Any], rows: Iterable[Iterable[Any]]) -> Path:
    """Write beside the name and rename: a full disk leaves nothing that looks like a result."""
    handle, name = tempfile.mkstemp(prefix=f".{path.name}.", dir=path.parent, text=True)
    try:
        with os.fdopen(handle, "w", newline="", encoding="utf-8") as file:
            writer = csv.writer(file)
            writer.writerow(heading)
            writer.writerows(["" if one is None else plain(one) for one in row] for row in rows)
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
    return [
        f"{request.strategy} on {', '.join(request.instruments)}{span}",
        f"Net {_money(figures.net)}, gross {_money(figures.gross)}, charges {_charges(figures.charges)}.",
        f"{won}{held}.",
        *([_fall(figures.drawdown)] if figures.drawdown else []),
        *(f"  {day['day']}  {profit(day['net'])}  {day['reason']}" for day in figures.worst_days),
        *(f"Note: {words}." for words in what_to_know(outcome)),
        f"Code {outcome.code_hash[:12]}, data {outcome.data_digest[:12]}.",
    ]


def what_to_know(outcome: Outcome) -> list[str]:
    refused = ", ".join(f"{code} {count}" for code, count in sorted(outcome.refusals.items()))
    return [
        *outcome.figures.unknown,
        *outcome.warnings,
        *([outcome.needs_ticks] if outcome.needs_ticks else []),
        *([f"the gate refused: {refused}"] if refused else []),
        *(f"{fault.run}, {weekday_date(fault.at)} {clock_time(fault.at)}: {fault.words}" for fault in outcome.faults),
    ]


def _money(amount: Decimal | None) -> str:
    return "unknown" if amount is None else profit(amount)


def _charges(charges: dict[str, Decimal]) -> str:
    return ", ".join(f"{kind.replace('_', ' ')} {plain_figure(amount)}" for kind, amount in charges.items()) or "none"


def _fall(fall: Drawdown) -> str:
    over = "not made good" if fall.days is None else f"made good after {counted(fall.days, 'day')}"
    return f"Deepest fall {profit(-fall.rupees)} ({fall.percent} %), {fall.since} to {fall.lowest_on}, {over}."
