"""The paper exchange over rows: what a drain reads at its start, and what its own commit writes."""

from __future__ import annotations

from datetime import datetime
from decimal import Decimal
from typing import Any

import numpy as np

from alphapanda.core.timezone import IST
from instruments.domain.order_terms import takes_sl_m
from instruments.models import FreezeQuantity, Instrument, ProtectionStep
from market.domain.ticks import levels_of, to_price
from trading.models import PaperLiquidity, PaperOrder, PaperRequest, PaperTrade, PriceBand
from trading.paper import depth, orders
from trading.paper.broker import order_id_of
from trading.paper.depth import DepthQuote
from trading.paper.exchange import Exchange, Request, RequestKind, Standing
from trading.paper.orders import PaperRules
from trading.run.sessions import schedule_on


class PaperExchange:
    """One drain's view of the paper exchange for one shard's instruments; ``is_busy``: there is something to load."""

    def __init__(self, instruments: dict[int, Instrument], is_busy: bool = True) -> None:
        self.instruments = instruments
        self.tokens = {instrument.pk: token for token, instrument in instruments.items()}
        self.exchange = Exchange(self._rules_of)
        self.known: dict[str, PaperOrder] = {}
        self.asked: dict[str, PaperRequest] = {}
        if is_busy:
            self._load_rows()

    def _load_rows(self) -> None:
        ids = list(self.tokens)
        for request in PaperRequest.objects.filter(is_done=False, instrument_id__in=ids).order_by("arrives_at", "id"):
            self.asked[request.tag] = request
            self.exchange.add_request(request_from(request, self.tokens[request.instrument_id]))
        for row in PaperOrder.objects.filter(is_resting=True, instrument_id__in=ids).order_by("id"):
            self.known[row.tag] = row
            self.exchange.resting[self.tokens[row.instrument_id]][row.tag] = self._standing(row)
        if self.exchange.requests or self.exchange.resting:
            for saved in PaperLiquidity.objects.filter(instrument_id__in=ids):
                # What our fills took of it stands; the depth itself has been offered, and to nobody who came later.
                liquidity = depth.restore_liquidity(saved.liquidity).of_old()
                self.exchange.liquidity[self.tokens[saved.instrument_id]] = liquidity

    def _standing(self, row: PaperOrder) -> Standing:
        order, token = orders.restore_order(row.matching), self.tokens[row.instrument_id]
        return Standing(order, token, row.changed_at, row.modify_number, row.modify_refusal)

    def apply_entry(self, rows: dict[int, np.void], held: dict[int, np.void], now: datetime) -> None:
        """Let one entry of the stream happen: ``rows`` are its ticks, ``held`` the last known of every token."""
        quotes: dict[int, DepthQuote] = {}
        for token in self.exchange.interested:
            if token in rows:
                quotes[token] = self._quote(token, rows, now, now)
            elif token not in self.exchange.seen and token in held:
                quotes[token] = self._quote(token, held, depth.LONG_AGO, now)
        self.exchange.step(quotes, now)

    def _quote(self, token: int, rows: dict[int, np.void], at: datetime, now: datetime) -> DepthQuote:
        return book_quote(token, rows[token], at, self._band_of(token, now))

    def _rules_of(self, token: int, now: datetime) -> PaperRules:
        instrument, day = self.instruments[token], now.astimezone(IST).date()
        schedule = schedule_on(instrument.pk, day)
        phase = schedule.phase_at(now)
        return PaperRules(
            tick_size=instrument.tick_size,
            lot_size=instrument.lot_size,
            phase=phase.kind if phase else None,
            closes_at=schedule.closes_at,
            protection=ProtectionStep.objects.in_force(instrument.segment, day),
            freeze_quantity=FreezeQuantity.objects.freeze_for(instrument, day),
            takes_sl_m=takes_sl_m(instrument.exchange, instrument.segment),
        )

    def _band_of(self, token: int, at: datetime) -> tuple[Decimal, Decimal] | None:
        instrument = self.instruments[token]
        row = PriceBand.objects.filter(instrument=instrument, day=at.astimezone(IST).date()).first()
        return (row.low, row.high) if row else None

    def save_changes(self) -> None:
        """Write what changed, in the caller's transaction."""
        PaperRequest.objects.filter(pk__in=self.exchange.done).update(is_done=True)
        for standing in self.exchange.changed.values():
            save_standing(self._row_of(standing), standing)
        for fill in self.exchange.trades:
            row = self._row_of(self.exchange.changed[fill.tag])
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

    def _row_of(self, standing: Standing) -> PaperOrder:
        """The order's row; of one that has just arrived, a new one."""
        tag = standing.order.tag
        if tag not in self.known:
            request = self.asked[tag]
            self.known[tag] = PaperOrder(
                tag=tag,
                account_id=request.account_id,
                instrument_id=request.instrument_id,
                broker_order_id=order_id_of(tag),
            )
        return self.known[tag]

    def _save_liquidity(self) -> None:
        for token in {self.exchange.changed[fill.tag].instrument for fill in self.exchange.trades}:
            liquidity = depth.save_liquidity(self.exchange.liquidity[token])
            instrument = self.instruments[token]
            PaperLiquidity.objects.update_or_create(instrument=instrument, defaults={"liquidity": liquidity})

    @property
    def accounts(self) -> set[Any]:
        """Accounts with something to book or to hear."""
        return {self._row_of(standing).account_id for standing in self.exchange.changed.values()}


def save_standing(row: PaperOrder, standing: Standing) -> None:
    order = standing.order
    row.status, row.message = order.state, order.words[:300]
    row.filled_quantity, row.is_resting = order.filled, not order.is_done
    row.modify_number, row.modify_refusal = standing.modify_number, standing.modify_refusal[:300]
    row.matching, row.changed_at, row.is_reported = orders.save_order(order), standing.changed_at, False
    row.save()


def request_from(row: PaperRequest, token: int) -> Request:
    kind = RequestKind(row.kind)
    return Request(
        ref=row.pk,
        kind=kind,
        tag=row.tag,
        instrument=token,
        arrives_at=row.arrives_at,
        order=order_from(row) if kind is RequestKind.PLACE else None,
        price=Decimal(row.ticket["price"]) if kind is RequestKind.MODIFY else None,
        number=row.number,
    )


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
