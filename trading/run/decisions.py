"""A decision: what a run wants done, in the words and numbers that led to it."""

from dataclasses import dataclass
from decimal import Decimal
from typing import Literal

from instruments.domain.order_terms import OrderType
from trading.strategies.values import Reason, Side

DecisionKind = Literal["enter", "exit", "cancel", "change_stop", "wait"]


@dataclass(frozen=True, slots=True)
class Decision:
    """One answer of a run; ``number`` counts up within the run, without holes; waits are counted apart.

    ``enter`` and ``exit`` carry side, quantity (units, positive), order type and price.
    ``exit`` with ``cancels`` and ``cancel`` ask that the entry of that number stop filling first;
    a ``cancel`` has no quantity. ``attempt`` counts the times the same exit was asked.
    """

    number: int
    kind: DecisionKind
    instrument: str
    reason: Reason
    side: Side | None = None
    quantity: int = 0
    order_type: OrderType = OrderType.MARKET
    price: Decimal | None = None
    stop: Decimal | None = None
    target: Decimal | None = None
    nearness: float | None = None
    cancels: int | None = None
    attempt: int = 1
