"""One number for everything a day decided and did: equal days have equal digests."""

from collections.abc import Iterator
from typing import Any

from trading.models import Fill, Order, RiskDecision, Signal
from trading.orders import canonical

MODELS: dict[str, Any] = {"signal": Signal, "decision": RiskDecision, "order": Order, "fill": Fill}


def day_digest() -> str:
    """Return the SHA-256 (hex) over every canonical line."""
    return canonical.digest_of(canonical_lines())


def canonical_lines() -> Iterator[bytes]:
    """Yield what the digest is taken of: each row as a JSON list, a line."""
    return canonical.canonical_lines(
        {label: MODELS[label].objects.values_list(*columns) for label, columns in canonical.COLUMNS.items()}
    )


def row_counts() -> dict[str, int]:
    return {f"{label}s": model.objects.count() for label, model in MODELS.items()}
