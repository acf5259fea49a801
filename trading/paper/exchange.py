"""The paper exchange: requests arrive, books move, orders match. Pure: the same for paper, replay and backtest.

Whoever drives it gives it requests and quotes with their times, and takes what changed (``trading.paper.rows`` for the
database's). Instruments are named by their tokens.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace
from datetime import datetime
from decimal import Decimal
from enum import StrEnum
from typing import Any

from trading.paper import matching
from trading.paper.depth import DepthQuote, Liquidity
from trading.paper.orders import Outcome, PaperFill, PaperOrder, PaperRules


class RequestKind(StrEnum):
    PLACE = "place"
    CANCEL = "cancel"
    MODIFY = "modify"


@dataclass(frozen=True, slots=True)
class Request:
    """What is on its way to the exchange: an ``order`` to place, a ``price`` to change to, or a cancellation."""

    ref: Any
    kind: RequestKind
    tag: str
    instrument: int
    arrives_at: datetime
    order: PaperOrder | None = None
    price: Decimal | None = None
    number: int = 0  # of an order's modifications


@dataclass(frozen=True, slots=True)
class Standing:
    """An order as the exchange has it, and its last answer to a modification."""

    order: PaperOrder
    instrument: int
    changed_at: datetime
    modify_number: int = 0
    modify_refusal: str = ""  # empty: it was done


@dataclass
class Exchange:
    """Orders that rest, requests on their way, and what was quoted less what our own fills have taken of it.

    ``changed``, ``trades`` and ``done`` (requests) gather until whoever drives it has taken them.
    """

    rules_of: Callable[[int, datetime], PaperRules]
    requests: dict[int, list[Request]] = field(default_factory=lambda: defaultdict(list))
    resting: dict[int, dict[str, Standing]] = field(default_factory=lambda: defaultdict(dict))
    liquidity: dict[int, Liquidity] = field(default_factory=dict)
    seen: set[int] = field(default_factory=set)  # instruments of which a book has been looked at
    changed: dict[str, Standing] = field(default_factory=dict)
    trades: list[PaperFill] = field(default_factory=list)
    done: list[Any] = field(default_factory=list)

    @property
    def interested(self) -> set[int]:
        """Instruments with something arriving or resting: the others' books need not be read."""
        return {one for one, waiting in self.requests.items() if waiting} | {
            one for one, orders in self.resting.items() if orders
        }

    def add_request(self, request: Request) -> None:
        """Put a request on its way; those of an instrument arrive in the order of their times, then as added."""
        waiting = self.requests[request.instrument]
        waiting.append(request)
        waiting.sort(key=lambda one: one.arrives_at)

    def step(self, quotes: Mapping[int, DepthQuote], now: datetime) -> None:
        """Let one moment happen: books move, requests that are due arrive, what rests is matched.

        ``quotes`` are of instruments it is interested in, new ones and the last known of those not ``seen`` yet.
        """
        for instrument in sorted(self.interested):
            if instrument in quotes:
                self.seen.add(instrument)
                known = self.liquidity.get(instrument)
                self.liquidity[instrument] = matching.take_in_quote(known, quotes[instrument])
            self._receive_requests(instrument, now)
            self._match_resting(instrument, now)

    def _receive_requests(self, instrument: int, now: datetime) -> None:
        waiting = self.requests[instrument]
        due = [request for request in waiting if request.arrives_at <= now]
        self.requests[instrument] = [request for request in waiting if request.arrives_at > now]
        for request in due:
            self.done.append(request.ref)
            if request.order is not None:
                self._place_order(request, request.order, now)
            elif request.price is not None:
                self._modify_order(request, request.price, now)
            else:
                self._cancel_order(request, now)

    def _place_order(self, request: Request, order: PaperOrder, now: datetime) -> None:
        instrument = request.instrument
        outcome = matching.accept_order(order, self.liquidity.get(instrument), self.rules_of(instrument, now), now)
        if outcome.liquidity is not None:
            self.liquidity[instrument] = outcome.liquidity
        self._keep_outcome(Standing(order, instrument, now), outcome, now)

    def _cancel_order(self, request: Request, now: datetime) -> None:
        standing = self.resting[request.instrument].get(request.tag)
        if standing is None:
            return  # filled, rejected or expired before the cancellation arrived: its last report says so
        self._keep_outcome(standing, matching.cancel_order(standing.order, now), now)

    def _modify_order(self, request: Request, price: Decimal, now: datetime) -> None:
        standing = self.resting[request.instrument].get(request.tag)
        if standing is None:
            return  # it ended before: its last report says so
        liquidity, rules = self.liquidity.get(request.instrument), self.rules_of(request.instrument, now)
        outcome = matching.modify_order(standing.order, liquidity, rules, now, price=price)
        refusal = outcome.order.words if outcome.events[-1].kind == "modify_refused" else ""
        answered = replace(standing, modify_number=request.number, modify_refusal=refusal)
        self._keep_outcome(answered, outcome, now)

    def _match_resting(self, instrument: int, now: datetime) -> None:
        standing = self.resting[instrument]
        if not standing:
            return
        orders, rules = [one.order for one in standing.values()], self.rules_of(instrument, now)
        outcomes, liquidity = matching.match_orders(orders, self.liquidity.get(instrument), rules, now)
        if liquidity is not None:
            self.liquidity[instrument] = liquidity
        for outcome in outcomes:
            before = standing[outcome.order.tag]
            if outcome.order != before.order or outcome.trades:
                self._keep_outcome(before, outcome, now)

    def _keep_outcome(self, before: Standing, outcome: Outcome, now: datetime) -> None:
        after = replace(before, order=outcome.order, changed_at=now)
        self.trades += outcome.trades
        self.changed[after.order.tag] = after
        if after.order.is_done:
            self.resting[after.instrument].pop(after.order.tag, None)
        else:
            self.resting[after.instrument][after.order.tag] = after
