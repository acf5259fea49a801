"""A file of candles as columns: its rows as they stand, stamps as seconds, prices as wire integers. Bad ones by row."""

from __future__ import annotations

import os
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from trading.lab.candles import MINUTE

# A zone written as a bare offset ("+05:30") would end the process.
os.environ.setdefault("POLARS_IGNORE_TIMEZONE_PARSE_ERROR", "1")
import polars as pl

ZONES = {"IST": "Asia/Kolkata", "UTC": "UTC"}
SUFFIXES = (".csv", ".csv.gz", ".parquet")
PAISE = 100
MOST_PAISE = 2**31 - 1
# Beyond it two volumes add up to no number of ours; the busiest share of a year trades less.
MOST_UNITS = 10**12
# A price kept as a 32-bit float is off by less; what is off by more is a fraction of a paisa (an adjusted price).
NOISE = 0.02


class BadCandles(ValueError):
    """What is wrong with a file, in words, with its row."""


@dataclass(frozen=True)
class Layout:
    """How a file is to be read. ``columns``: ours → the file's. ``zone`` empty: each stamp carries its own."""

    columns: Mapping[str, str]
    zone: str = ""
    stamps: str = ""  # start or end, of the candle
    dates: str = "iso"  # iso, day first, month first, or epoch
    symbol: str = ""  # where no column says it

    def words(self) -> str:
        columns = ", ".join(f"{ours} is {theirs!r}" for ours, theirs in self.columns.items())
        columns += f"; all of {self.symbol}" if self.symbol else ""
        stamps = f"stamps are a candle's {self.stamps}, " if self.stamps else "stamps "
        zone = f"in {self.zone}" if self.zone else "with their own zone" if self.stamps else "as they are"
        return f"{columns}; {stamps}{zone}, dates {self.dates}"


def heading_of(path: Path) -> list[str]:
    """Return the names of a file's columns. Raises BadCandles."""
    with _reading(path):
        if path.suffix == ".parquet":
            return list(pl.read_parquet_schema(path))
        return pl.read_csv(path, n_rows=1, infer_schema_length=0, glob=False).columns


@contextmanager
def _reading(path: Path) -> Iterator[None]:
    try:
        yield
    except (pl.exceptions.PolarsError, OSError, UnicodeDecodeError) as error:
        raise BadCandles(f"{path.name} cannot be read: {str(error).splitlines()[0]}") from error


def frame_of(path: Path) -> pl.DataFrame:
    with _reading(path):
        # Words as they stand: what is no number is to be named with its row.
        if path.suffix == ".parquet":
            frame = pl.read_parquet(path, glob=False)
        else:
            frame = pl.read_csv(path, infer_schema_length=0, glob=False)
    if not len(frame):
        raise BadCandles(f"{path.name} holds no candle")
    return _with_one_stamp(frame)


def _with_one_stamp(frame: pl.DataFrame) -> pl.DataFrame:
    """Put a column of days and one of times of day together; "20240101" is a day as it is written there."""
    named = {name.strip().lower(): name for name in frame.columns}
    day, clock = named.get("date"), named.get("time")
    if day is None or clock is None:
        return frame
    dated = frame[day].dt.date() if isinstance(frame[day].dtype, pl.Datetime) else frame[day]
    days = dated.cast(pl.String).str.strip_chars().str.replace(r"^(\d{4})(\d\d)(\d\d)$", "${1}-${2}-${3}")
    together = (days + " " + frame[clock].cast(pl.String).str.strip_chars()).alias(day)
    return frame.with_columns(together).drop(clock)


def stamps_of(path: Path, frame: pl.DataFrame, name: str) -> pl.Series:
    """A column as texts, whole numbers, days or moments, empty where it is. Raises BadCandles for any other kind."""
    column = frame[name]
    if column.dtype.is_float():
        # So whole numbers are kept by pandas where one is lacking.
        column = column.cast(pl.Int64, strict=False)
    if not (column.dtype in (pl.String, pl.Date, pl.Datetime) or column.dtype.is_integer()):
        raise BadCandles(f"{path.name}: {name} holds values of kind {column.dtype}, no date and time this reads")
    if column.null_count():
        raise BadCandles(f"{at_row(path, column.is_null().arg_max())}: {name} is empty")
    return column


def starts_of(path: Path, frame: pl.DataFrame, layout: Layout) -> np.ndarray:
    """Seconds since 1970 at which each candle begins. Raises BadCandles."""
    column = stamps_of(path, frame, layout.columns["stamp"])
    parsed = column if column.dtype.is_temporal() else _parsed(column, layout)
    if isinstance(parsed.dtype, pl.Date):
        raise BadCandles(f"{path.name}: its stamps are days; this reads candles of one minute")
    if isinstance(parsed.dtype, pl.Datetime) and parsed.dtype.time_zone is None:
        parsed = parsed.dt.replace_time_zone(ZONES.get(layout.zone, "UTC"))
    seconds = parsed.dt.epoch("s")
    if seconds.null_count():
        row = seconds.is_null().arg_max() or 0
        raise BadCandles(f"{at_row(path, row)}: {column[row]!r} is no date and time this reads")
    found = seconds.to_numpy().astype(np.int64)
    return found - MINUTE if layout.stamps == "end" else found


def _parsed(column: pl.Series, layout: Layout) -> pl.Series:
    if layout.dates == "epoch":
        numbers = column.cast(pl.Int64, strict=False)
        # Ten digits are seconds of our days; three more each time are thousandths, millionths, billionths of one.
        digits = len(str(numbers.abs().max() or 0))
        seconds = numbers // 1000 ** max(0, (digits - 8) // 3)
        return (seconds * 1_000_000).cast(pl.Datetime("us", "UTC"))
    text = column.str.strip_chars().str.replace("T", " ", literal=True)
    text = text.str.replace(r"Z$", "+0000").str.replace(r"([+-]\d\d):(\d\d)$", "${1}${2}")
    text = text.str.replace_all("[/.]", "-") if layout.dates != "iso" else text
    day = {"iso": "%Y-%m-%d", "day first": "%d-%m-%Y", "month first": "%m-%d-%Y"}[layout.dates]
    zone = "" if is_naive(column, layout) else "%z"
    best = None
    for clock in ("%H:%M:%S%.f", "%H:%M:%S", "%H:%M"):
        read = text.str.to_datetime(f"{day} {clock}{zone}", strict=False)
        if best is None or read.null_count() < best.null_count():
            best = read
    assert best is not None
    return best


def prices_of(path: Path, frame: pl.DataFrame, name: str) -> tuple[np.ndarray, int]:
    """A column as paise, and how many of it were fractions of one. Raises BadCandles."""
    scaled = _numbers(path, frame, name) * PAISE
    rounded = np.rint(scaled)
    _refuse(path, frame[name], ~np.isfinite(scaled) | (rounded < 1), "which is no price")
    _refuse(path, frame[name], rounded > MOST_PAISE, "more than this can hold")
    return rounded.astype(np.int32), int(np.count_nonzero(np.abs(scaled - rounded) > NOISE))


def volumes_of(path: Path, frame: pl.DataFrame, layout: Layout) -> np.ndarray:
    """An index has none: zeros."""
    name = layout.columns.get("volume")
    if name is None:
        return np.zeros(len(frame), np.int64)
    numbers = _numbers(path, frame, name)
    is_whole = numbers == np.rint(numbers)
    _refuse(path, frame[name], ~(is_whole & (numbers >= 0) & (numbers <= MOST_UNITS)), "which is no number of units")
    return numbers.astype(np.int64)


def _numbers(path: Path, frame: pl.DataFrame, name: str) -> np.ndarray:
    """A column as floats; what is no number is NaN. Raises BadCandles where it can hold none."""
    column = frame[name]
    if not (column.dtype in (pl.String, pl.Null) or column.dtype.is_numeric()):
        raise BadCandles(f"{path.name}: {name} holds values of kind {column.dtype}, no numbers")
    texts = column.str.strip_chars() if column.dtype == pl.String else column
    return texts.cast(pl.Float64, strict=False).to_numpy()


def _refuse(path: Path, column: pl.Series, wrong: np.ndarray, words: str) -> None:
    if wrong.any():
        row = int(wrong.argmax())
        raise BadCandles(f"{at_row(path, row)}: {column.name} is {_said(column[row])}, {words}")


def is_naive(column: pl.Series, layout: Layout) -> bool:
    if layout.dates == "epoch":
        return False
    if isinstance(column.dtype, pl.Datetime):
        return column.dtype.time_zone is None
    return not all_match(column, r"(Z|[+-]\d\d:?\d\d)$")


def all_match(column: pl.Series, pattern: str) -> bool:
    return column.dtype == pl.String and bool(column.str.strip_chars().str.contains(pattern).all())


def _said(value: Any) -> str:
    return "empty" if value in (None, "") else repr(value)


def row_number(path: Path, nth: Any) -> int:
    """As an editor counts: a CSV's first row is its heading."""
    return int(nth) + (1 if path.suffix == ".parquet" else 2)


def at_row(path: Path, nth: Any) -> str:
    return f"{path.name}, row {row_number(path, nth)}"
