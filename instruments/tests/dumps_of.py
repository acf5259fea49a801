"""Synthetic dumps in Kite's form, a few rows long, for tests to spoil."""

from datetime import date
from typing import Any

from instruments import sync
from instruments.dumps import COLUMNS, DumpSource, from_bytes
from instruments.reports import LoadReport

DAY = date(2026, 8, 17)
NEXT_DAY = date(2026, 8, 18)


def index(symbol: str = "NIFTY 50", number: int = 1001) -> dict[str, Any]:
    return row(symbol, number, 9, name=symbol, tick_size="0", lot_size="0", segment="INDICES")


def share(symbol: str = "INFY", number: int = 1594, **changes: Any) -> dict[str, Any]:
    return row(symbol, number, 1, **{"name": "INFOSYS", **changes})


def future(symbol: str = "INFY26AUGFUT", number: int = 58001, **changes: Any) -> dict[str, Any]:
    derivative = {"name": "INFY", "expiry": "2026-08-25", "lot_size": "400", "instrument_type": "FUT"}
    return row(symbol, number, 2, **{**derivative, "segment": "NFO-FUT", "exchange": "NFO", **changes})


def option(symbol: str = "NIFTY26AUG25000CE", number: int = 40001, **changes: Any) -> dict[str, Any]:
    derivative = {"name": "NIFTY", "expiry": "2026-08-25", "strike": "25000", "lot_size": "65", "tick_size": "0.05"}
    named = {"instrument_type": symbol[-2:], "segment": "NFO-OPT", "exchange": "NFO"}
    return row(symbol, number, 2, **{**derivative, **named, **changes})


def row(symbol: str, number: int, byte: int, **changes: Any) -> dict[str, Any]:
    """``number`` is the exchange's own token; the instrument token follows from it."""
    plain = {
        "instrument_token": number * 256 + byte,
        "exchange_token": number,
        "tradingsymbol": symbol,
        "name": "",
        "last_price": "0",
        "expiry": "",
        "strike": "0",
        "tick_size": "0.1",
        "lot_size": "1",
        "instrument_type": "EQ",
        "segment": "NSE",
        "exchange": "NSE",
    }
    return {**plain, **changes}


def shares(count: int) -> list[dict[str, Any]]:
    return [share(f"SHARE{number}", number) for number in range(1, count + 1)]


def csv_of(*rows: dict[str, Any], columns: tuple[str, ...] = COLUMNS) -> bytes:
    lines = [
        ",".join(columns),
        *(",".join(f'"{row[column]}"' if column == "name" else str(row[column]) for column in columns) for row in rows),
    ]
    return ("\n".join(lines) + "\n").encode()


def dump(*rows: dict[str, Any], name: str = "dump.csv") -> DumpSource:
    return from_bytes(name, csv_of(*rows))


def load(*rows: dict[str, Any], day: date = DAY, **options: Any) -> LoadReport:
    return sync.load_dumps([dump(*rows)], day=day, **options)
