"""How a file of candles may be read: what follows from it is deduced and shown; what does not is asked, never guessed.

What does not follow (dates that can be read two ways, stamps without a zone, whether a stamp is a candle's start or its
end) is a question, to be answered by whoever owns the file.
"""

from __future__ import annotations

import re
from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np
import polars as pl

from trading.lab.candle_columns import (
    PAISE,
    SUFFIXES,
    ZONES,
    BadCandles,
    Layout,
    all_match,
    at_row,
    frame_of,
    heading_of,
    is_naive,
    prices_of,
    stamps_of,
    starts_of,
    volumes_of,
)
from trading.lab.candles import MINUTE, PRICES

NAMES = {
    "stamp": ("timestamp", "date", "datetime", "time", "ts"),
    "symbol": ("symbol", "tradingsymbol", "ticker", "instrument"),
    "open": ("open", "o"),
    "high": ("high", "h"),
    "low": ("low", "l"),
    "close": ("close", "c"),
    "volume": ("volume", "vol", "v", "qty"),
}
DATES, STAMPS = ("day first", "month first"), ("start", "end")
ANSWERS = {"zone": tuple(ZONES), "stamps": STAMPS, "dates": DATES, "symbol": ()}
SHOWN = 5
FEW = 20  # one day in so many proves nothing


@dataclass(frozen=True)
class Question:
    """What a file does not say; ``choices`` are the answers there are (none: any)."""

    name: str
    words: str
    choices: tuple[str, ...] = ()


@dataclass(frozen=True)
class Proposal:
    """How a file looks: the layout as far as it follows from it, what is open, and its first rows as read."""

    path: Path
    layout: Layout
    questions: tuple[Question, ...]
    rows: tuple[str, ...] = ()


def propose(path: Path, answers: Mapping[str, str] | None = None) -> Proposal:
    """Return how a file may be read. ``answers`` are to earlier questions, by their names. Raises BadCandles."""
    if wrong := wrong_answer(answers or {}):
        raise BadCandles(wrong)
    answers = answers_for(path, answers or {})
    frame = frame_of(path)
    columns = _columns(path, frame)
    layout, questions = _dates(path, frame, Layout(columns), answers)
    if not questions:
        layout, questions = _zone_and_stamps(path, frame, layout, answers)
    if symbol := _said_of_whole(path, frame, columns, answers):
        others = {ours: theirs for ours, theirs in columns.items() if ours != "symbol"}
        layout = replace(layout, columns=others, symbol=symbol)
    rows = () if questions else tuple(_shown(path, frame.head(SHOWN), layout))
    return Proposal(path, layout, tuple(questions), rows)


def _columns(path: Path, frame: pl.DataFrame) -> dict[str, str]:
    theirs = {name.strip().lower(): name for name in frame.columns}
    # A second column of one name is renamed as it is read.
    plain = [re.sub(r"_duplicated_\d+$", "", name).strip().lower() for name in frame.columns]
    if twice := [name for names in NAMES.values() for name in names if plain.count(name) > 1]:
        raise BadCandles(f"{path.name} has two columns named {twice[0]}: leave one")
    known = {ours: next((name for name in names if name in theirs), None) for ours, names in NAMES.items()}
    found = {ours: theirs[name] for ours, name in known.items() if name is not None}
    lacking = [ours for ours in ("stamp", *PRICES) if ours not in found]
    if lacking:
        raise BadCandles(f"{path.name} has no column for {', '.join(lacking)}; it has {', '.join(frame.columns)}")
    return found


def _dates(
    path: Path, frame: pl.DataFrame, layout: Layout, answers: Mapping[str, str]
) -> tuple[Layout, list[Question]]:
    column = stamps_of(path, frame, layout.columns["stamp"])
    if column.dtype.is_temporal():
        return layout, []
    if column.dtype.is_integer() or all_match(column, r"^\d{10}(\d{3}){0,3}$"):
        return replace(layout, dates="epoch", zone="UTC"), []
    if all_match(column, r"^\d{4}-\d\d-\d\d"):
        return layout, []
    parts = column.str.extract_groups(r"^(\d{1,2})[/.-](\d{1,2})[/.-]\d{4}").struct.unnest()
    if parts.null_count().sum_horizontal()[0]:
        row = next(
            nth for nth, text in enumerate(column) if not re.match(r"^\d{1,2}[/.-]\d{1,2}[/.-]\d{4}", text or "")
        )
        raise BadCandles(f"{at_row(path, row)}: {column[row]!r} is no date and time this reads")
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
    return layout, [Question("dates", words, DATES)]


def _zone_and_stamps(
    path: Path, frame: pl.DataFrame, layout: Layout, answers: Mapping[str, str]
) -> tuple[Layout, list[Question]]:
    questions = []
    if is_naive(stamps_of(path, frame, layout.columns["stamp"]), layout):
        zone = answers.get("zone") or _deduced_zone(path, frame, layout)
        if zone is None:
            words = "its stamps name no zone, and their hours are possible in both"
            return layout, [Question("zone", words, tuple(ZONES))]
        layout = replace(layout, zone=zone)
    stamps = answers.get("stamps") or _deduced_stamps(starts_of(path, frame, replace(layout, stamps="start")))
    if stamps is None:
        words = "whether a stamp is a candle's start or its end does not follow from its first and last minutes"
        questions.append(Question("stamps", words, STAMPS))
    return replace(layout, stamps=stamps or ""), questions


def _deduced_zone(path: Path, frame: pl.DataFrame, layout: Layout) -> str | None:
    """By the hours of the exchanges: 9:00 to 23:55 in India is 3:30 to 18:25 UTC."""
    seconds = starts_of(path, frame, replace(layout, zone="UTC", stamps="start")) % 86_400
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


def wrong_answer(answers: Mapping[str, str]) -> str:
    """Say which answer is none, and what there is; empty if all are fine."""
    for name, answer in answers.items():
        asked = name.partition(":")[0]
        if asked not in ANSWERS:
            return f"nothing asks for {asked!r}; there is {', '.join(ANSWERS)}"
        if ANSWERS[asked] and answer not in ANSWERS[asked]:
            return f"{asked} is {' or '.join(ANSWERS[asked])}, not {answer!r}"
    return ""


def answers_for(path: Path, answers: Mapping[str, str]) -> dict[str, str]:
    """Return the answers of one file: those that name it ("zone:FILE") before those of all."""
    of_all = {name: answer for name, answer in answers.items() if ":" not in name}
    own = {name.partition(":")[0]: answer for name, answer in answers.items() if name.partition(":")[2] == path.name}
    return of_all | own


def check_files_of(answers: Mapping[str, str], files: Collection[Path]) -> None:
    """Raises BadCandles for an answer of a file that is not there, and for one symbol said of several files."""
    names = {path.name for path in files}
    if strange := [name for name in answers if ":" in name and name.partition(":")[2] not in names]:
        raise BadCandles(f"{strange[0]} answers for a file that is not among {', '.join(sorted(names)[:SHOWN])}")
    if "symbol" in answers and len(files) > 1:
        said = answers["symbol"]
        raise BadCandles(f"symbol={said} cannot be of {len(files)} files; say of which: symbol:{min(names)}={said}")


def symbol_of(path: Path, answers: Mapping[str, str]) -> str:
    """Return whose candles a file is said to hold, with its exchange or without: as answered, or as it is named.

    Empty where a column says it. Raises BadCandles.
    """
    if answer := answers_for(path, answers).get("symbol"):
        return answer
    if any(name.strip().lower() in NAMES["symbol"] for name in heading_of(path)):
        return ""
    ending = next((one for one in SUFFIXES if path.name.endswith(one)), path.suffix)
    return path.name.removesuffix(ending).removesuffix("-EQ")


def _said_of_whole(path: Path, frame: pl.DataFrame, columns: Mapping[str, str], answers: Mapping[str, str]) -> str:
    """Return the one symbol a file is of; empty where its column says it. Raises BadCandles."""
    symbol, column = symbol_of(path, answers), columns.get("symbol")
    if symbol and column and (count := frame[column].n_unique()) > 1:
        raise BadCandles(f"{path.name}: {column} names {count} symbols, so symbol={symbol} cannot be said of it")
    return symbol


def _shown(path: Path, frame: pl.DataFrame, layout: Layout) -> Iterable[str]:
    starts = starts_of(path, frame, layout)
    columns = {name: prices_of(path, frame, layout.columns[name])[0] / PAISE for name in PRICES}
    volumes = volumes_of(path, frame, layout)
    for nth in range(len(frame)):
        at = np.datetime64(int(starts[nth]) + 19_800, "s")
        prices = " ".join(f"{column[nth]:.2f}" for column in columns.values())
        yield f"{str(at).replace('T', ' ')} IST  {prices}  {volumes[nth]}"
