"""The paper exchange's hours of business: requests arrive, books move, orders match. Only the tick drain calls it.

Everything is computed on what was read at a drain's start and written by ``save_changes`` in its own commit.
"""

from collections import defaultdict
from datetime import datetime
from decimal import Decimal
from typing import Any
from uuid import UUID

import numpy as np

from alphapanda.core.timezone import IST
from instruments.domain.order_terms import takes_sl_m
from instruments.models import FreezeQuantity, Instrument
from market.domain.ticks import to_price
from market.quotes import levels_of
from trading.models import PaperLiquidity, PaperOrder, PaperRequest, PaperTrade, PriceBand
from trading.paper import depth, matching, orders
from trading.paper.broker import order_id_of
from trading.paper.depth import DepthQuote, Liquidity
from trading.paper.orders import Outcome, PaperFill, PaperRules
from trading.run.sessions import schedule_on


class PaperExchange:
    """One drain's view of the paper exchange for one shard's instruments; ``is_busy``: there is something to load."""

    def __init__(self, instruments: dict[int, Instrument], is_busy: bool = True) -> None:
        self.instruments = instruments
        self.tokens = {instrument.pk: token for token, instrument in instruments.items()}
        self.requests: dict[int, list[PaperRequest]] = defaultdict(list)
        self.resting: dict[int, dict[str, tuple[PaperOrder, orders.PaperOrder]]] = defaultdict(dict)
        self.liquidity: dict[int, Liquidity] = {}
        self._seen: set[int] = set()  # tokens whose last known book has been looked at in this drain
        self.changed: dict[str, tuple[PaperOrder, orders.PaperOrder, str, datetime]] = {}
        self.trades: list[tuple[PaperOrder, PaperFill]] = []
        self.done: list[UUID] = []
        if is_busy:
            self._load_rows()

    def _load_rows(self) -> None:
        ids = list(self.tokens)
        for request in PaperRequest.objects.filter(is_done=False, instrument_id__in=ids).order_by("arrives_at", "id"):
            self.requests[self.tokens[request.instrument_id]].append(request)
        for row in PaperOrder.objects.filter(is_resting=True, instrument_id__in=ids).order_by("id"):
            self.resting[self.tokens[row.instrument_id]][row.tag] = (row, orders.restore_order(row.matching))
        if self.requests or self.resting:
            for saved in PaperLiquidity.objects.filter(instrument_id__in=ids):
                # What our fills took of it stands; the depth itself has been offered, and to nobody who came later.
                self.liquidity[self.tokens[saved.instrument_id]] = depth.restore_liquidity(saved.liquidity).of_old()

    @property
    def interested(self) -> set[int]:
        """Tokens with something arriving or resting: the others' books need not be read."""
        return {token for token, waiting in self.requests.items() if waiting} | {
            token for token, orders in self.resting.items() if orders
        }

    def apply_entry(self, rows: dict[int, np.void], held: dict[int, np.void], now: datetime) -> None:
        """Let one entry of the stream happen: ``rows`` are its ticks, ``held`` the last known of every token."""
        for token in sorted(self.interested):
            if token in rows:
                self._see_row(token, rows[token], now, now)
            elif token not in self._seen and token in held:
                self._see_row(token, held[token], depth.LONG_AGO, now)
            self._receive_requests(token, now)
            self._match_resting(token, now)

    def _see_row(self, token: int, row: np.void, at: datetime, now: datetime) -> None:
        self._seen.add(token)
        self.liquidity[token] = matching.take_in_quote(
            self.liquidity.get(token), book_quote(token, row, at, self._band_of(token, now))
        )

    def _receive_requests(self, token: int, now: datetime) -> None:
        waiting = self.requests[token]
        due = [request for request in waiting if request.arrives_at <= now]
        self.requests[token] = [request for request in waiting if request.arrives_at > now]
        for request in due:
            self.done.append(request.pk)
            if request.kind == PaperRequest.Kind.PLACE:
                self._place_order(token, request, now)
            elif request.kind == PaperRequest.Kind.MODIFY:
                self._modify_order(token, request, now)
            else:
                self._cancel_order(token, request, now)

    def _place_order(self, token: int, request: PaperRequest, now: datetime) -> None:
        order = order_from(request)
        row = PaperOrder(
            tag=request.tag,
            account_id=request.account_id,
            instrument_id=request.instrument_id,
            broker_order_id=order_id_of(request.tag),
        )
        outcome = matching.accept_order(order, self.liquidity.get(token), self._rules_of(token, now), now)
        self._keep_outcome(token, row, outcome, now)

    def _cancel_order(self, token: int, request: PaperRequest, now: datetime) -> None:
        known = self.resting[token].get(request.tag)
        if known is None:
            return  # filled, rejected or expired before the cancellation arrived: its last report says so
        row, order = known
        self._keep_outcome(token, row, matching.cancel_order(order, now), now, keep_liquidity=True)

    def _modify_order(self, token: int, request: PaperRequest, now: datetime) -> None:
        known = self.resting[token].get(request.tag)
        if known is None:
            return  # it ended before: its last report says so
        row, order = known
        liquidity, rules = self.liquidity.get(token), self._rules_of(token, now)
        price = Decimal(request.ticket["price"])
        outcome = matching.modify_order(order, liquidity, rules, now, price=price)
        is_refused = outcome.events[-1].kind == "modify_refused"
        row.modify_number, row.modify_refusal = request.number, outcome.order.words[:300] if is_refused else ""
        self._keep_outcome(token, row, outcome, now, keep_liquidity=True)

    def _match_resting(self, token: int, now: datetime) -> None:
        if not self.resting[token]:
            return
        orders = {tag: order for tag, (_, order) in self.resting[token].items()}
        rules = self._rules_of(token, now)
        outcomes, liquidity = matching.match_orders(orders.values(), self.liquidity.get(token), rules, now)
        if liquidity is not None:
            self.liquidity[token] = liquidity
        for outcome in outcomes:
            if outcome.order != orders[outcome.order.tag] or outcome.trades:
                row, _ = self.resting[token][outcome.order.tag]
                self._keep_outcome(token, row, outcome, now, keep_liquidity=True)

    def _keep_outcome(
        self, token: int, row: PaperOrder, outcome: Outcome, now: datetime, *, keep_liquidity: bool = False
    ) -> None:
        if outcome.liquidity is not None and not keep_liquidity:
            self.liquidity[token] = outcome.liquidity
        self.trades += [(row, fill) for fill in outcome.trades]
        self.changed[row.tag] = (row, outcome.order, outcome.order.words, now)
        if outcome.order.is_done:
            self.resting[token].pop(row.tag, None)
        else:
            self.resting[token][row.tag] = (row, outcome.order)

    def _rules_of(self, token: int, now: datetime) -> PaperRules:
        instrument, day = self.instruments[token], now.astimezone(IST).date()
        schedule = schedule_on(instrument.pk, day)
        phase = schedule.phase_at(now)
        return PaperRules(
            tick_size=instrument.tick_size,
            lot_size=instrument.lot_size,
            phase=phase.kind if phase else None,
            closes_at=schedule.closes_at,
            segment=instrument.segment,
            day=day,
            freeze_quantity=FreezeQuantity.objects.freeze_for(instrument, day),
            takes_sl_m=takes_sl_m(instrument.exchange, instrument.segment),
        )

    def _band_of(self, token: int, at: datetime) -> tuple[Decimal, Decimal] | None:
        instrument = self.instruments[token]
        row = PriceBand.objects.filter(instrument=instrument, day=at.astimezone(IST).date()).first()
        return (row.low, row.high) if row else None

    def save_changes(self) -> None:
        """Write what changed, in the caller's transaction."""
        PaperRequest.objects.filter(pk__in=self.done).update(is_done=True)
        for row, order, words, now in self.changed.values():
            _save_order(row, order, words, now)
        for row, fill in self.trades:
            PaperTrade.objects.create(
                tag=fill.tag,
                ordinal=fill.ordinal,
                trade_id=fill.trade_id,
                account_id=row.account_id,
                instrument_id=row.instrument_id,
                signed_quantity=fill.signed_quantity,
                price=fill.price,
                traded_at=fill.at,
            )
        self._save_liquidity()

    def _save_liquidity(self) -> None:
        touched = {row.instrument_id for row, _ in self.trades}
        for instrument_id in touched:
            liquidity = depth.save_liquidity(self.liquidity[self.tokens[instrument_id]])
            PaperLiquidity.objects.update_or_create(instrument_id=instrument_id, defaults={"liquidity": liquidity})

    @property
    def accounts(self) -> set[Any]:
        """Accounts with something to book or to hear."""
        return {row.account_id for row, *_ in self.changed.values()}


def _save_order(row: PaperOrder, order: orders.PaperOrder, words: str, now: datetime) -> None:
    row.status, row.message = order.state, words[:300]
    row.filled_quantity, row.is_resting = order.filled, not order.is_done
    row.matching, row.changed_at, row.is_reported = orders.save_order(order), now, False
    row.save()


def order_from(request: PaperRequest) -> orders.PaperOrder:
    ticket = request.ticket
    return orders.PaperOrder(
        tag=request.tag,
        signed_quantity=ticket["signed_quantity"],
        order_type=ticket["order_type"],
        arrives_at=request.arrives_at,
        price=_decimal(ticket["price"]),
        trigger_price=_decimal(ticket["trigger_price"]),
        validity=ticket["validity"],
        market_protection=_decimal(ticket["market_protection"]),
    )


def _decimal(text: str | None) -> Decimal | None:
    return None if text is None else Decimal(text)


def book_quote(token: int, row: np.void, at: datetime, band: tuple[Decimal, Decimal] | None) -> DepthQuote:
    low, high = band or (None, None)
    return DepthQuote(
        bids=levels_of(row, "bid", token),
        asks=levels_of(row, "ask", token),
        last_price=to_price(row["last_price"], token),
        at=at,
        volume=int(row["volume"]),
        lower_band=low,
        upper_band=high,
    )
