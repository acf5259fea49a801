"""What is bought and sold for delivery on one day is delivered by nobody: it is charged as intraday.

So the contract note has it: of each share (on one exchange) the lesser of a day's CNC purchases and sales is squared
off, whichever came first. An order's charges follow from what it has been executed for, by segment.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Hashable, Iterable, Mapping
from dataclasses import dataclass, field
from decimal import Decimal
from typing import Any, Generic, TypeVar

from portfolio.domain.charges import ChargeSegment

DELIVERY, INTRADAY = ChargeSegment.DELIVERY, ChargeSegment.INTRADAY
ZERO = Decimal(0)
Turnover = Mapping[ChargeSegment, Decimal]
NOTHING: Turnover = {DELIVERY: ZERO, INTRADAY: ZERO}
# One of a day's CNC trades: it has instrument_id, broker_order_id, signed_quantity, price and exchange_order.
T = TypeVar("T", bound=Any)


@dataclass(frozen=True, slots=True)
class Change(Generic[T]):
    """What an order had been executed for, by segment, and has been now; ``trade`` is one of its trades."""

    trade: T
    before: Turnover
    after: Turnover


@dataclass(frozen=True, slots=True)
class Step(Generic[T]):
    """What a trade changed when it was booked: its own order first, then those it squared off.

    ``dp`` is 1 where the depository's charge falls due, −1 where it falls away again, and 0 where that stays;
    ``dp_number`` counts such steps of a share and day.
    """

    changes: list[Change[T]]
    dp: int = 0
    dp_number: int = 0


@dataclass
class DeliveryDay(Generic[T]):
    """A share's CNC trades of one day, on every exchange, taken in the order in which they were booked."""

    trades: dict[Hashable, list[T]] = field(default_factory=lambda: defaultdict(list))
    dp_steps: int = 0

    def add_trade(self, trade: T) -> Step[T]:
        """Take in the next trade. What all steps add up to does not depend on the order of booking."""
        own, was_leaving = self.trades[trade.instrument_id], self.is_leaving
        before = order_turnovers(own)
        own.append(trade)
        after = order_turnovers(own)
        newest = {one.broker_order_id: one for one in own}
        changed = [order for order in after if order != trade.broker_order_id and after[order] != before[order]]
        orders = [trade.broker_order_id, *changed]
        changes = [Change(newest[order], before.get(order, NOTHING), after[order]) for order in orders]
        return self._step(changes, int(self.is_leaving) - int(was_leaving))

    def _step(self, changes: list[Change[T]], dp: int) -> Step[T]:
        step = Step(changes, dp, self.dp_steps)
        self.dp_steps += abs(dp)
        return step

    @property
    def is_leaving(self) -> bool:
        """Whether more was sold than bought on some exchange: the depository charges a share once a day."""
        return any(sum(trade.signed_quantity for trade in trades) < 0 for trades in self.trades.values())


def order_turnovers(trades: Iterable[T]) -> dict[str, dict[ChargeSegment, Decimal]]:
    """Return by order what its trades of one share and day were executed for: squared off, first in first out, or not.

    In the exchange's order, so that it does not depend on when each was heard of.
    """
    turnovers: dict[str, dict[ChargeSegment, Decimal]] = {}
    unmatched: list[tuple[T, int]] = []
    for trade in sorted(trades, key=lambda one: one.exchange_order):
        left = abs(trade.signed_quantity)
        own = turnovers.setdefault(trade.broker_order_id, dict(NOTHING))
        while left and unmatched and (unmatched[0][0].signed_quantity > 0) != (trade.signed_quantity > 0):
            earlier, its_left = unmatched.pop(0)
            size = min(left, its_left)
            opposite = turnovers[earlier.broker_order_id]
            opposite[DELIVERY] -= size * earlier.price
            opposite[INTRADAY] += size * earlier.price
            own[INTRADAY] += size * trade.price
            left -= size
            if its_left > size:
                unmatched.insert(0, (earlier, its_left - size))
        own[DELIVERY] += left * trade.price
        if left:
            unmatched.append((trade, left))
    return turnovers


def sole_step(trade: T, segment: ChargeSegment, before: Decimal) -> Step[T]:
    """The step of a trade that squares nothing off: its order had been executed for ``before``."""
    value = abs(trade.signed_quantity) * trade.price
    return Step([Change(trade, {segment: before}, {segment: before + value})])
