"""Files of records that are appended to: whatever ended the writer, they go on after their last whole record."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import BinaryIO, TypeVar

R = TypeVar("R")


class AnotherKindOfFile(OSError):
    """What stands there begins otherwise: nothing is appended to it, and nothing of it is cut."""


def cut_to_whole_records(path: Path, magic: bytes, read_one: Callable[[BinaryIO], R | None]) -> Iterator[R]:
    """Yield a file's whole records, then cut off what a crash has left behind the last.

    One that was hardly begun is begun anew. ``read_one`` returns None where no whole record stands. Raises
    AnotherKindOfFile.
    """
    with path.open("rb") as file:
        begins = file.read(len(magic))
        if not magic.startswith(begins):
            raise AnotherKindOfFile(f"{path} begins otherwise than it should")
        end = len(magic)
        while begins == magic and (record := read_one(file)) is not None:
            end = file.tell()
            yield record
    if begins == magic:
        os.truncate(path, end)
    else:
        path.write_bytes(magic)
