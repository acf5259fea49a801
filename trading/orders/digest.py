"""One number for everything a day decided and did: equal days have equal digests."""

import hashlib
from collections.abc import Iterator
from datetime import datetime
from decimal import Decimal
from typing import Any

import orjson

from trading.models import Fill, Order, RiskDecision, Signal

SIGNAL = (
    "market_time", "deployment__name", "run__number", "ordinal", "instrument__exchange", "instrument__tradingsymbol",
    "kind", "side", "quantity", "order_type", "product", "price", "stop", "target", "reason", "reference_price",
    "bid", "ask", "quote_at", "state", "state_reason",
)  # fmt: skip
OF_SIGNAL = tuple(f"signal__{name}" for name in SIGNAL[:6])
DECISION = (*OF_SIGNAL, "approved", "refusal_codes", "checks", "only_shrinks", "market_time")
ORDER = (*OF_SIGNAL, "side", "quantity", "order_type", "price", "is_exit", "state", "filled_quantity", "average_price")
FILL = (*(f"order__{name}" for name in OF_SIGNAL), "at", "signed_quantity", "price", "trade__charges")


def canonical_rows() -> Iterator[tuple[Any, ...]]:
    """Yield the canonical rows: by kind, then market time, then natural key; no ids, wall times or process names."""
    for label, model, columns in (
        ("signal", Signal, SIGNAL),
        ("decision", RiskDecision, DECISION),
        ("order", Order, ORDER),
        ("fill", Fill, FILL),
    ):
        found = [tuple(map(plain_value, row)) for row in model.objects.values_list(*columns)]  # type: ignore[attr-defined]
        for row in sorted(found, key=orjson.dumps):
            yield label, *row


def plain_value(value: Any) -> Any:
    if isinstance(value, Decimal):
        return f"{value.normalize():f}"
    return value.isoformat() if isinstance(value, datetime) else value


def day_digest() -> str:
    """Return the SHA-256 (hex) over every canonical row."""
    sha = hashlib.sha256()
    for line in canonical_lines():
        sha.update(line)
    return sha.hexdigest()


def canonical_lines() -> Iterator[bytes]:
    """Yield what the digest is taken of: each row as a JSON list, a line."""
    return (orjson.dumps(row) + b"\n" for row in canonical_rows())


def row_counts() -> dict[str, int]:
    models: dict[str, Any] = {"signals": Signal, "decisions": RiskDecision, "orders": Order, "fills": Fill}
    return {name: model.objects.count() for name, model in models.items()}
