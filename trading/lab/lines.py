"""What an account in memory decided and did, as the canonical lines of its rows. Pure."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Any

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
