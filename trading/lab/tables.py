"""The tables of a result, from the JSON it is kept as: rows of texts for CSV files. Pure."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping
from decimal import Decimal
from typing import Any

TRADE_COLUMNS = (
    "run", "instrument", "side", "quantity", "entered_at", "entry_price", "entry_reason", "exited_at", "exit_price",
    "exit_reason", "gross", "charges", "net",
)  # fmt: skip
# What a strategy's author writes, a spreadsheet may take for a formula and run it.
TEXTS = frozenset({"run", "instrument", "side", "entry_reason", "exit_reason"})
FORMULA_BEGINS = ("=", "+", "-", "@", "\t", "\r")

Row = list[str]


def trade_rows(result: Mapping[str, Any]) -> Iterator[Row]:
    """Each trade, oldest first, under the names of its columns."""
    yield list(TRADE_COLUMNS)
    for trade in result["round_trips"]:
        yield [_text(trade[name]) if name in TEXTS else _figure(trade[name]) for name in TRADE_COLUMNS]


def equity_rows(result: Mapping[str, Any]) -> Iterator[Row]:
    """Equity at the end of each day; blank where something held had no price."""
    yield ["day", "equity"]
    for day, equity in result["equity"]:
        yield [day, _figure(equity)]


def month_rows(result: Mapping[str, Any]) -> Iterator[Row]:
    """What each day of each month changed equity by, and the month's sum."""
    days = [str(day) for day in range(1, 32)]
    yield ["month", *days, "total"]
    for month, by_day in result["by_month"].items():
        total = sum(map(Decimal, by_day.values()), Decimal(0))
        yield [month, *(_figure(by_day.get(day)) for day in days), f"{total:f}"]


TABLES: dict[str, Callable[[Mapping[str, Any]], Iterable[Row]]] = {
    "trades.csv": trade_rows,
    "equity.csv": equity_rows,
    "months.csv": month_rows,
}


def _figure(value: Any) -> str:
    return "" if value is None else str(value)


def _text(value: Any) -> str:
    text = _figure(value)
    return f"'{text}" if text.startswith(FORMULA_BEGINS) else text
