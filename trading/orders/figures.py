"""What an order's own columns say of it, wherever they stand: a row or a value in memory. Pure."""

from __future__ import annotations

from datetime import datetime

from instruments.domain.order_terms import Side
from trading.orders.life_cycle import MAY_STILL_FILL, OrderState


class OrderFigures:
    """Mixed into whatever has these columns; quantities are units."""

    side: str
    quantity: int
    state: str
    filled_quantity: int
    reported_filled: int
    ended_as: str
    cancel_requested_at: datetime | None

    @property
    def signed_quantity(self) -> int:
        return self.quantity if self.side == Side.BUY else -self.quantity

    @property
    def unfilled_quantity(self) -> int:
        return max(0, self.quantity - self.filled_quantity)

    @property
    def out_quantity(self) -> int:
        """Units that may still be booked: what is unfilled, or, once its broker ended it, what it says was filled."""
        if self.may_still_fill and not self.ended_as:
            return self.unfilled_quantity
        return max(0, self.reported_filled - self.filled_quantity)

    @property
    def signed_out(self) -> int:
        return self.out_quantity if self.side == Side.BUY else -self.out_quantity

    @property
    def is_overfilled(self) -> bool:
        return self.filled_quantity > self.quantity

    @property
    def may_still_fill(self) -> bool:
        return OrderState(self.state) in MAY_STILL_FILL

    @property
    def may_be_cancelled(self) -> bool:
        return self.may_still_fill and self.cancel_requested_at is None and not self.ended_as
