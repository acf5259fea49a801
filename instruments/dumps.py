"""Reads instrument dumps: CSV, plain or gzipped, from files or bytes, with limits and in pieces."""

import csv
import gzip
import io
import re
import zlib
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from datetime import date
from pathlib import Path
from typing import BinaryIO

COLUMNS = (
    "instrument_token",
    "exchange_token",
    "tradingsymbol",
    "name",
    "last_price",
    "expiry",
    "strike",
    "tick_size",
    "lot_size",
    "instrument_type",
    "segment",
    "exchange",
)
WHOLE_NUMBERS = ("instrument_token", "exchange_token", "lot_size")
DECIMALS = ("last_price", "strike", "tick_size")
MAY_BE_EMPTY = ("name", "last_price", "expiry", "strike")

BLOCK = 1 << 20
LARGEST_DUMP = 256 << 20  # bytes, unpacked: ten times the largest dump there has been
LONGEST_FIELD = 200
GZIP_MAGIC = b"\x1f\x8b"

WHOLE_NUMBER = re.compile(r"\d{1,15}")
DECIMAL = re.compile(r"\d{1,12}(\.\d{1,8})?")
ISO_DATE = re.compile(r"\d{4}-\d{2}-\d{2}")

Progress = Callable[[str, int, int], None]


@dataclass(frozen=True, slots=True)
class Problem:
    """Why a dump is refused; ``row`` counts as a spreadsheet does, the header being row 1."""

    source: str
    row: int | None
    reason: str

    def __str__(self) -> str:
        where = f"{self.source}, row {self.row}" if self.row else self.source
        return f"{where}: {self.reason}" if where else self.reason


class DumpUnreadable(Exception):
    """A dump that cannot be taken for a table at all."""

    def __init__(self, source: str, reason: str, row: int | None = None) -> None:
        super().__init__(reason)
        self.problem = Problem(source, row, reason)


@dataclass(frozen=True, slots=True)
class DumpSource:
    """A dump under a name people know it by. ``size`` is what ``tell()`` of the opened stream ends at."""

    name: str
    open: Callable[[], BinaryIO]
    size: int


def from_file(path: Path) -> DumpSource:
    """Raises FileNotFoundError or IsADirectoryError at once rather than in the middle of a load."""
    with path.open("rb"):
        return DumpSource(path.name, lambda: path.open("rb"), path.stat().st_size)


def from_bytes(name: str, content: bytes) -> DumpSource:
    return DumpSource(name, lambda: io.BytesIO(content), len(content))


def read_blocks(source: DumpSource, progress: Progress | None = None) -> Iterator[bytes]:
    """Yield the unpacked dump in pieces. Raises DumpUnreadable for broken gzip and for more than the limits."""
    taken = 0
    with source.open() as packed, _unpacked(packed) as plain:
        while block := _read(source, plain):
            taken += len(block)
            if taken > LARGEST_DUMP:
                raise DumpUnreadable(source.name, f"larger than {LARGEST_DUMP >> 20} MB unpacked")
            if len(block) == BLOCK and b"\n" not in block:
                raise DumpUnreadable(source.name, "a line longer than 1 MB")
            yield block
            if progress:
                progress(source.name, packed.tell(), source.size)


def read_header(source: DumpSource) -> list[str]:
    """Return the columns in the dump's own order. Raises DumpUnreadable unless they are exactly Kite's."""
    first = next(read_blocks(source), b"")
    line = first.removeprefix(b"\xef\xbb\xbf").split(b"\n", 1)[0].decode("utf-8", "replace").strip()
    if problem := _header_problem(line):
        raise DumpUnreadable(source.name, problem, row=1)
    return _fields(line)


def read_rows(source: DumpSource) -> Iterator[tuple[int, list[str]]]:
    """Yield (row, fields) after the header, decoded and split the slow way. Raises DumpUnreadable."""
    reader = csv.reader(_lines(source), strict=True)
    try:
        for number, fields in enumerate(reader, start=1):
            if number > 1 and fields:
                yield number, fields
    except (csv.Error, UnicodeDecodeError) as broken:
        raise DumpUnreadable(source.name, f"not CSV in UTF-8: {broken}", reader.line_num + 1) from broken


def shape_problems(columns: list[str], fields: list[str]) -> list[str]:
    """Return what keeps a row from fitting the table: its columns, numbers, dates and lengths."""
    if len(fields) != len(columns):
        return [f"{len(fields)} columns where the header has {len(columns)}"]
    return [problem for column, text in zip(columns, fields, strict=True) if (problem := _field_problem(column, text))]


def _unpacked(packed: BinaryIO) -> BinaryIO:
    magic = packed.read(len(GZIP_MAGIC))
    packed.seek(0)
    return gzip.GzipFile(fileobj=packed) if magic == GZIP_MAGIC else packed  # type: ignore[return-value]


def _read(source: DumpSource, plain: BinaryIO) -> bytes:
    try:
        return plain.read(BLOCK)
    except (EOFError, gzip.BadGzipFile, zlib.error) as broken:
        raise DumpUnreadable(source.name, f"not a whole gzip file: {broken}") from broken


def _lines(source: DumpSource) -> Iterator[str]:
    rest = b""
    for block in read_blocks(source):
        *lines, rest = (rest + block).split(b"\n")
        for line in lines:
            yield line.decode("utf-8-sig") + "\n"
    if rest:
        yield rest.decode("utf-8-sig")


def _header_problem(line: str) -> str | None:
    if not line:
        return "empty: no header"
    if line.startswith("<"):
        return f"HTML or XML where CSV was due: {line[:60]!r}"
    if line.startswith(("{", "[")):
        return f"JSON where CSV was due: {line[:60]!r}"
    found = _fields(line)
    missing = [column for column in COLUMNS if column not in found]
    extra = [column for column in found if column not in COLUMNS]
    twice = sorted({column for column in found if found.count(column) > 1})
    parts = [("missing column", missing), ("unknown column", extra), ("column given twice:", twice)]
    return "; ".join(f"{what} {', '.join(names)[:200]}" for what, names in parts if names) or None


def _fields(line: str) -> list[str]:
    return next(csv.reader([line]), [])


def _field_problem(column: str, text: str) -> str | None:
    if len(text) > LONGEST_FIELD:
        return f"{column} has {len(text)} characters, at most {LONGEST_FIELD} are taken"
    if "\x00" in text:
        return f"{column} holds a zero byte"
    if not text:
        return None if column in MAY_BE_EMPTY else f"{column} is empty"
    if column in WHOLE_NUMBERS and not WHOLE_NUMBER.fullmatch(text):
        return f"{column} {text[:40]!r} is not a whole number"
    if column in DECIMALS and not DECIMAL.fullmatch(text):
        return f"{column} {text[:40]!r} is not a number"
    if column == "expiry" and not _is_date(text):
        return f"expiry {text[:40]!r} is not a date such as 2026-08-25"
    return None


def _is_date(text: str) -> bool:
    if not ISO_DATE.fullmatch(text):
        return False
    try:
        date.fromisoformat(text)
    except ValueError:
        return False
    return True
