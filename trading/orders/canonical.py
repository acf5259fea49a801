"""What a day decided and did, as lines: without ids, wall times or process names, so that equal days are equal. Pure.

The columns are named by the way to them from a signal, decision, order or fill, as a query names them.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Iterator, Mapping
from datetime import UTC, datetime
from decimal import Decimal
from typing import Any

import orjson

SIGNAL = (
    "market_time", "deployment__name", "run__number", "ordinal", "instrument__exchange", "instrument__tradingsymbol",
    "kind", "side", "quantity", "order_type", "product", "price", "stop", "target", "reason", "reference_price",
    "bid", "ask", "quote_at", "state", "state_reason",
)  # fmt: skip
OF_SIGNAL = tuple(f"signal__{name}" for name in SIGNAL[:6])
DECISION = (*OF_SIGNAL, "approved", "refusal_codes", "checks", "only_shrinks", "market_time")
ORDER = (*OF_SIGNAL, "side", "quantity", "order_type", "price", "is_exit", "state", "filled_quantity", "average_price")
FILL = (*(f"order__{name}" for name in OF_SIGNAL), "at", "signed_quantity", "price", "trade__charges")
COLUMNS: Mapping[str, tuple[str, ...]] = {"signal": SIGNAL, "decision": DECISION, "order": ORDER, "fill": FILL}


def canonical_lines(rows: Mapping[str, Iterable[tuple[Any, ...]]]) -> Iterator[bytes]:
    """Yield each row as a JSON list, a line: by kind, then in an order of their own, which has no ids in it."""
    for label in COLUMNS:
        written = (tuple(map(plain_value, row)) for row in rows[label])
        yield from sorted(_line(label, row) for row in written)


def _line(label: str, row: tuple[Any, ...]) -> bytes:
    # Keys in their own order: a database keeps those of an object as it likes.
    return orjson.dumps((label, *row), option=orjson.OPT_SORT_KEYS) + b"\n"


def digest_of(lines: Iterable[bytes]) -> str:
    """Return the SHA-256 (hex) over lines."""
    sha = hashlib.sha256()
    for line in lines:
        sha.update(line)
    return sha.hexdigest()


def plain_value(value: Any) -> Any:
    if isinstance(value, Decimal):
        return f"{value.normalize():f}"
    return value.astimezone(UTC).isoformat() if isinstance(value, datetime) else value


def column_of(row: Any, name: str) -> Any:
    """Return the value a column's name leads to from a value in memory ("order__signal__side")."""
    for step in name.split("__"):
        row = getattr(row, step)
    return row
