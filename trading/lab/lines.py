"""What an account in memory decided and did, as the canonical lines of its rows. Pure."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from itertools import zip_longest
from typing import Any

import orjson

from trading.lab.account import MemoryAccount
from trading.orders.canonical import COLUMNS, canonical_lines, column_of


def lines_of(account: MemoryAccount) -> Iterator[bytes]:
    """Yield each signal, decision, order and fill as a JSON list, a line."""
    values: dict[str, Sequence[Any]] = {
        "signal": account.signals,
        "decision": account.decisions,
        "order": account.orders,
        "fill": account.fills,
    }
    return canonical_lines(
        {label: [tuple(column_of(one, name) for name in names) for one in values[label]]
         for label, names in COLUMNS.items()}
    )  # fmt: skip


def differences(in_rows: list[bytes], in_memory: list[bytes]) -> Iterator[str]:
    """Say what differs: lines only one has, and of those that stand in the same place, the columns."""
    only_rows, only_memory = set(in_rows) - set(in_memory), set(in_memory) - set(in_rows)
    pairs = zip_longest(sorted(only_rows), sorted(only_memory))
    for one, other in pairs:
        if one is None or other is None:
            yield f"only in {'memory' if one is None else 'rows'}: {(one or other or b'').decode()[:300]}"
            continue
        row, value = orjson.loads(one), orjson.loads(other)
        for name, was, came in zip(("", *COLUMNS[row[0]]), row, value, strict=False):
            if was != came:
                yield f"{row[:5]} {name}: {_short(was, came)}"


def _short(was: Any, came: Any) -> str:
    if not isinstance(was, list) or not isinstance(came, list):
        return f"{was!r} in rows, {came!r} in memory"
    unlike = [(one, other) for one, other in zip_longest(was, came) if one != other]
    return "; ".join(f"{one!r} in rows, {other!r} in memory" for one, other in unlike[:3])
