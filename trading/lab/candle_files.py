"""Read one's own one-minute candles from CSV and Parquet: a mapping shown and asked about first, never guessed.

What follows from a file is deduced and shown; what does not (dates that can be read two ways, stamps without a zone,
whether a stamp is a candle's start or its end) is a question, to be answered by whoever owns the file.
"""

from __future__ import annotations

import os
import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

import numpy as np

from trading.lab.candles import MINUTE, PRICES, Bars

# A zone written as a bare offset ("+05:30") would end the process.
os.environ.setdefault("POLARS_IGNORE_TIMEZONE_PARSE_ERROR", "1")
import polars as pl

SUFFIXES = (".csv", ".csv.gz", ".parquet")
NAMES = {
    "stamp": ("timestamp", "date", "datetime", "time", "ts"),
    "symbol": ("symbol", "tradingsymbol", "ticker", "instrument"),
    "open": ("open", "o"),
    "high": ("high", "h"),
    "low": ("low", "l"),
    "close": ("close", "c"),
    "volume": ("volume", "vol", "v", "qty"),
}
ZONES = {"IST": "Asia/Kolkata", "UTC": "UTC"}
PAISE = 100
MOST_PAISE = 2**31 - 1
# A price kept as a 32-bit float is off by less; what is off by more is a fraction of a paisa (an adjusted price).
NOISE = 0.02
SHOWN = 5
FEW = 20  # one day in so many proves nothing


class BadCandles(ValueError):
    """What is wrong with a file, in words, with its row."""


@dataclass(frozen=True)
class Question:
    """What a file does not say; ``choices`` are the answers there are (none: any)."""

    name: str
    words: str
    choices: tuple[str, ...] = ()


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
        zone = f"in {self.zone}" if self.zone else "with their own zone"
        return f"{columns}; stamps are a candle's {self.stamps}, {zone}, dates {self.dates}"


@dataclass(frozen=True)
class Proposal:
    """How a file looks: the layout as far as it follows from it, what is open, and its first rows as read."""

    path: Path
    layout: Layout
    questions: tuple[Question, ...]
    rows: tuple[str, ...] = ()


@dataclass
class CandleFile:
    """What was read: bars by symbol, and what was noticed on the way, in words."""

    bars: dict[str, Bars] = field(default_factory=dict)
    warnings: list[str] = field(default_factory=list)


def candle_files(paths: Iterable[Path]) -> list[Path]:
    """Return the files named, and those in the folders named. Raises BadCandles where there is none."""
    found: list[Path] = []
    for path in paths:
        if not path.exists():
            raise BadCandles(f"there is no {path}")
        inside = sorted(path.iterdir()) if path.is_dir() else [path]
        found += [one for one in inside if one.name.endswith(SUFFIXES)]
    if not found:
        raise BadCandles(f"no .csv, .csv.gz or .parquet in {', '.join(map(str, paths))}")
    return found


def propose(path: Path, answers: Mapping[str, str] | None = None) -> Proposal:
    """Return how a file may be read. ``answers`` are to earlier questions, by their names. Raises BadCandles."""
    frame, answers = _frame(path), answers or {}
    columns = _columns(path, frame)
    layout, questions = _dates(path, frame, Layout(columns), answers)
    if not questions:
        layout, questions = _zone_and_stamps(path, frame, layout, answers)
    if "symbol" not in columns:
        layout = replace(layout, symbol=answers.get("symbol", symbol_of(path)))
    rows = () if questions else tuple(_shown(path, frame.head(SHOWN), layout))
    return Proposal(path, layout, tuple(questions), rows)


def read_candles(path: Path, layout: Layout, tokens_divisor: int = PAISE) -> CandleFile:
    """Read a whole file. Raises BadCandles with the row of whatever is not a candle."""
    frame = _frame(path)
    stamps = _starts(path, frame, layout)
    columns = {name: _prices(path, frame, layout.columns[name], tokens_divisor) for name in PRICES}
    read = CandleFile()
    fractions = sum(fraction for _, fraction in columns.values())
    if fractions:
        read.warnings.append(f"{path.name}: {fractions} prices are no whole paise (adjusted?); rounded to the nearest")
    prices = {name: column for name, (column, _) in columns.items()}
    bars = Bars(start=stamps, **prices, volume=_volumes(path, frame, layout))
    _check_shape(path, bars)
    for symbol, wanted in _by_symbol(frame, layout).items():
        rows = np.arange(len(bars))[wanted]
        read.bars[symbol] = _in_order(path, bars.where(wanted), rows, read.warnings)
    return read


# ---- what a file looks like --------------------------------------------------------------------------------


def _frame(path: Path) -> pl.DataFrame:
    try:
        # Words as they stand: what is no number is to be named with its row.
        frame = pl.read_parquet(path) if path.suffix == ".parquet" else pl.read_csv(path, infer_schema_length=0)
    except (pl.exceptions.PolarsError, OSError, UnicodeDecodeError) as error:
        raise BadCandles(f"{path.name} cannot be read: {str(error).splitlines()[0]}") from error
    if not len(frame):
        raise BadCandles(f"{path.name} holds no candle")
    return _with_one_stamp(frame)


def _with_one_stamp(frame: pl.DataFrame) -> pl.DataFrame:
    """Put a column of days and one of times of day together; "20240101" is a day as it is written there."""
    named = {name.strip().lower(): name for name in frame.columns}
    day, clock = named.get("date"), named.get("time")
    if day is None or clock is None:
        return frame
    days = frame[day].cast(pl.String).str.strip_chars().str.replace(r"^(\d{4})(\d\d)(\d\d)$", "${1}-${2}-${3}")
    together = (days + " " + frame[clock].cast(pl.String).str.strip_chars()).alias(day)
    return frame.with_columns(together).drop(clock)


def _columns(path: Path, frame: pl.DataFrame) -> dict[str, str]:
    theirs = {name.strip().lower(): name for name in frame.columns}
    known = {ours: next((name for name in names if name in theirs), None) for ours, names in NAMES.items()}
    found = {ours: theirs[name] for ours, name in known.items() if name is not None}
    lacking = [ours for ours in ("stamp", *PRICES) if ours not in found]
    if lacking:
        raise BadCandles(f"{path.name} has no column for {', '.join(lacking)}; it has {', '.join(frame.columns)}")
    return found


def _dates(
    path: Path, frame: pl.DataFrame, layout: Layout, answers: Mapping[str, str]
) -> tuple[Layout, list[Question]]:
    column = frame[layout.columns["stamp"]]
    if column.dtype.is_temporal():
        return layout, []
    if column.dtype.is_integer() or _all_match(column, r"^\d{10}(\d{3})?$"):
        return replace(layout, dates="epoch", zone="UTC"), []
    if _all_match(column, r"^\d{4}-\d\d-\d\d"):
        return layout, []
    parts = column.str.extract_groups(r"^(\d{1,2})[/.-](\d{1,2})[/.-]\d{4}").struct.unnest()
    if parts.null_count().sum_horizontal()[0]:
        row = next(
            nth for nth, text in enumerate(column) if not re.match(r"^\d{1,2}[/.-]\d{1,2}[/.-]\d{4}", text or "")
        )
        raise BadCandles(f"{_at(path, row)}: {column[row]!r} is no date and time this reads")
    return _day_or_month_first(path, column, parts.cast(pl.Int32), layout, answers)


def _day_or_month_first(
    path: Path, column: pl.Series, parts: pl.DataFrame, layout: Layout, answers: Mapping[str, str]
) -> tuple[Layout, list[Question]]:
    first, second = (int(parts[:, nth].max() or 0) for nth in (0, 1))  # type: ignore[arg-type]
    if first > 12 >= second:
        return replace(layout, dates="day first"), []
    if second > 12 >= first:
        return replace(layout, dates="month first"), []
    if first > 12 and second > 12:
        raise BadCandles(f"{path.name}: some dates are only possible day first, others only month first")
    if answer := answers.get("dates"):
        return replace(layout, dates=answer), []
    words = f"{column[0]!r} can be read day first or month first"
    return layout, [Question("dates", words, ("day first", "month first"))]


def _zone_and_stamps(
    path: Path, frame: pl.DataFrame, layout: Layout, answers: Mapping[str, str]
) -> tuple[Layout, list[Question]]:
    questions = []
    if _is_naive(frame[layout.columns["stamp"]], layout):
        zone = answers.get("zone") or _deduced_zone(path, frame, layout)
        if zone is None:
            words = "its stamps name no zone, and their hours are possible in both"
            return layout, [Question("zone", words, tuple(ZONES))]
        layout = replace(layout, zone=zone)
    stamps = answers.get("stamps") or _deduced_stamps(_starts(path, frame, replace(layout, stamps="start")))
    if stamps is None:
        words = "whether a stamp is a candle's start or its end does not follow from its first and last minutes"
        questions.append(Question("stamps", words, ("start", "end")))
    return replace(layout, stamps=stamps or ""), questions


def _is_naive(column: pl.Series, layout: Layout) -> bool:
    if layout.dates == "epoch":
        return False
    if isinstance(column.dtype, pl.Datetime):
        return column.dtype.time_zone is None
    return not _all_match(column, r"(Z|[+-]\d\d:?\d\d)$")


def _deduced_zone(path: Path, frame: pl.DataFrame, layout: Layout) -> str | None:
    """By the hours of the exchanges: 9:00 to 23:55 in India is 3:30 to 18:25 UTC."""
    seconds = _starts(path, frame, replace(layout, zone="UTC", stamps="start")) % 86_400
    opens, ends = (int(np.percentile(seconds, share)) // MINUTE for share in (1, 99))
    if opens < 9 * 60:
        return "UTC"
    # From 9:15 on by its own clock, and past 10:00: by UTC's it would begin at 14:45, and shares close at 15:30.
    return "IST" if opens <= 9 * 60 + 20 and ends > 10 * 60 else None


def _deduced_stamps(starts: np.ndarray) -> str | None:
    """By the first and the last minute of the shares' session, as most of the file's days have them."""
    local = starts + 19_800
    minutes = local % 86_400 // MINUTE
    first, last = (len(np.unique(local[minutes == clock] // 86_400)) for clock in (9 * 60 + 15, 15 * 60 + 30))
    if last * FEW < first:
        return "start"
    return "end" if first * FEW < last else None


def symbol_of(path: Path) -> str:
    return path.name.split(".")[0]


# ---- columns ---------------------------------------------------------------------------------------------


def _starts(path: Path, frame: pl.DataFrame, layout: Layout) -> np.ndarray:
    """Seconds since 1970 at which each candle begins. Raises BadCandles."""
    column = frame[layout.columns["stamp"]]
    parsed = column if column.dtype.is_temporal() else _parsed(path, column, layout)
    if isinstance(parsed.dtype, pl.Date):
        raise BadCandles(f"{path.name}: its stamps are days; this reads candles of one minute")
    if isinstance(parsed.dtype, pl.Datetime) and parsed.dtype.time_zone is None:
        parsed = parsed.dt.replace_time_zone(ZONES.get(layout.zone, "UTC"))
    seconds = parsed.dt.epoch("s")
    if seconds.null_count():
        row = seconds.is_null().arg_max() or 0
        raise BadCandles(f"{_at(path, row)}: {column[row]!r} is no date and time this reads")
    found = seconds.to_numpy().astype(np.int64)
    return found - MINUTE if layout.stamps == "end" else found


def _parsed(path: Path, column: pl.Series, layout: Layout) -> pl.Series:
    if layout.dates == "epoch":
        numbers = column.cast(pl.Int64, strict=False)
        seconds = numbers // (1000 if numbers.fill_null(0).to_numpy().max() > 10**11 else 1)
        return (seconds * 1_000_000).cast(pl.Datetime("us", "UTC"))
    text = column.str.strip_chars().str.replace("T", " ", literal=True)
    text = text.str.replace(r"Z$", "+0000").str.replace(r"([+-]\d\d):(\d\d)$", "${1}${2}")
    text = text.str.replace_all("[/.]", "-") if layout.dates != "iso" else text
    day = {"iso": "%Y-%m-%d", "day first": "%d-%m-%Y", "month first": "%m-%d-%Y"}[layout.dates]
    zone = "" if _is_naive(column, layout) else "%z"
    best = None
    for clock in ("%H:%M:%S%.f", "%H:%M:%S", "%H:%M"):
        read = text.str.to_datetime(f"{day} {clock}{zone}", strict=False)
        if best is None or read.null_count() < best.null_count():
            best = read
    assert best is not None
    return best


def _prices(path: Path, frame: pl.DataFrame, name: str, divisor: int) -> tuple[np.ndarray, int]:
    """A column as wire integers, and how many of it were fractions of one. Raises BadCandles."""
    column = frame[name]
    values = column.str.strip_chars().cast(pl.Float64, strict=False) if column.dtype == pl.String else column
    bad = values.cast(pl.Float64, strict=False).to_numpy()
    wrong = ~np.isfinite(bad) | (bad <= 0)
    if wrong.any():
        row = int(wrong.argmax())
        raise BadCandles(f"{_at(path, row)}: {name} is {column[row]!r}, which is no price")
    scaled = bad * divisor
    if scaled.max() > MOST_PAISE:
        row = int(scaled.argmax())
        raise BadCandles(f"{_at(path, row)}: {name} is {column[row]!r}, more than this can hold")
    rounded = np.rint(scaled)
    return rounded.astype(np.int32), int(np.count_nonzero(np.abs(scaled - rounded) > NOISE))


def _volumes(path: Path, frame: pl.DataFrame, layout: Layout) -> np.ndarray:
    """An index has none: zeros."""
    name = layout.columns.get("volume")
    if name is None:
        return np.zeros(len(frame), np.int64)
    column = frame[name]
    values = column.str.strip_chars().cast(pl.Float64, strict=False) if column.dtype == pl.String else column
    numbers = values.cast(pl.Float64, strict=False).to_numpy()
    wrong = ~np.isfinite(numbers) | (numbers < 0) | (numbers != np.rint(numbers))
    if wrong.any():
        row = int(wrong.argmax())
        raise BadCandles(f"{_at(path, row)}: {name} is {column[row]!r}, which is no number of units")
    return numbers.astype(np.int64)


def _check_shape(path: Path, bars: Bars) -> None:
    inside = np.minimum(bars.open, bars.close) >= bars.low
    wrong = ~(inside & (np.maximum(bars.open, bars.close) <= bars.high))
    if wrong.any():
        row = int(wrong.argmax())
        prices = ", ".join(f"{name} {getattr(bars, name)[row] / PAISE:.2f}" for name in PRICES)
        raise BadCandles(f"{_at(path, row)}: high and low do not hold open and close ({prices})")
    if (bars.start % MINUTE).any():
        row = int((bars.start % MINUTE != 0).argmax())
        raise BadCandles(f"{_at(path, row)}: it does not begin with a minute; this reads candles of one minute")


def _by_symbol(frame: pl.DataFrame, layout: Layout) -> dict[str, np.ndarray]:
    if "symbol" not in layout.columns:
        return {layout.symbol: np.ones(len(frame), np.bool_)}
    names = frame[layout.columns["symbol"]].cast(pl.String).str.strip_chars().str.replace("-EQ$", "")
    return {name: (names == name).to_numpy() for name in names.unique(maintain_order=True).to_list()}


def _in_order(path: Path, bars: Bars, rows: np.ndarray, warnings: list[str]) -> Bars:
    """Bars by time, each minute once. Raises BadCandles where two rows tell one minute differently."""
    if (np.diff(bars.start) < 0).any():
        warnings.append(f"{path.name}: its rows are not in the order of time; put in order")
        order = np.argsort(bars.start, kind="stable")
        bars, rows = bars.where(order), rows[order]
    again = np.flatnonzero(np.diff(bars.start) == 0) + 1
    if not len(again):
        return bars
    for name in (*PRICES, "volume"):
        column = getattr(bars, name)
        unlike = again[column[again] != column[again - 1]]
        if len(unlike):
            one, other = rows[unlike[0] - 1], rows[unlike[0]]
            raise BadCandles(
                f"{_at(path, one)} and row {_row(path, other)}: the same minute twice, with another {name}"
            )
    warnings.append(f"{path.name}: {len(again)} minutes stand twice, with equal values; taken once")
    return bars.where(~np.isin(np.arange(len(bars)), again))


def _shown(path: Path, frame: pl.DataFrame, layout: Layout) -> Iterable[str]:
    starts = _starts(path, frame, layout)
    columns = {name: _prices(path, frame, layout.columns[name], PAISE)[0] / PAISE for name in PRICES}
    volumes = _volumes(path, frame, layout)
    for nth in range(len(frame)):
        at = np.datetime64(int(starts[nth]) + 19_800, "s")
        prices = " ".join(f"{column[nth]:.2f}" for column in columns.values())
        yield f"{str(at).replace('T', ' ')} IST  {prices}  {volumes[nth]}"


def _all_match(column: pl.Series, pattern: str) -> bool:
    return column.dtype == pl.String and bool(column.str.strip_chars().str.contains(pattern).all())


def _row(path: Path, nth: Any) -> int:
    """As an editor counts: a CSV's first row is its heading."""
    return int(nth) + (1 if path.suffix == ".parquet" else 2)


def _at(path: Path, nth: Any) -> str:
    return f"{path.name}, row {_row(path, nth)}"
