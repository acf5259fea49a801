"""Keep positions and lots what their trades say: one trade at a time, or all of them anew."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Any
from uuid import UUID

from django.db.models import QuerySet

from portfolio.domain import positions as fold
from portfolio.models import ClosedLot, Lot, Position, Trade


def locked_position(trade: Trade) -> Position:
    rows: QuerySet[Position] = Position.objects.select_for_update(no_key=True, of=("self",)).select_related(
        "last_trade"
    )
    position, _ = rows.get_or_create(
        portfolio_id=trade.portfolio_id, instrument_id=trade.instrument_id, product=trade.product
    )
    return position


def absorb(trade: Trade) -> Position:
    """Fold a trade that has just been written into its position.

    A trade older than the newest one folded in changes which lots closed which: then all are folded anew, so that
    the books do not depend on the order in which news arrived.
    """
    position = locked_position(trade)
    if position.last_trade and trade.exchange_order < position.last_trade.exchange_order:
        return refold(position)
    lots = {lot.trade_id: lot for lot in position.lots.open().order_by("ordinal")}
    before = standing(position, lots.values())
    after = fold.book(before, deal(trade))
    _close(lots, after.closings, trade)
    _open(position, after, trade)
    _set(position, after, newest=trade)
    return position


def deal(trade: Trade) -> fold.Deal:
    return fold.Deal(trade.signed_quantity, trade.price, trade.pk, trade.traded_at)


def standing(position: Position, lots: Iterable[Lot]) -> fold.Position:
    """The position as its rows tell it."""
    open_lots = tuple(fold.OpenLot(lot.remaining, lot.price, lot.trade_id) for lot in lots)
    return fold.Position(open_lots, position.realised, opened_at=position.opened_at)


def _close(lots: dict[UUID, Lot], closings: Sequence[fold.Closing], trade: Trade) -> None:
    touched = [_shrink(lots[closing.opened_by], closing) for closing in closings]  # type: ignore[index]
    Lot.objects.bulk_update(touched, ["remaining"])
    ClosedLot.objects.bulk_create(
        closed_row(lot, closing, trade) for lot, closing in zip(touched, closings, strict=True)
    )


def _shrink(lot: Lot, closing: fold.Closing) -> Lot:
    lot.remaining -= closing.signed_quantity
    return lot


def closed_row(lot: Lot, closing: fold.Closing, trade: Trade) -> ClosedLot:
    return ClosedLot(
        lot=lot,
        trade=trade,
        quantity=closing.signed_quantity,
        price=closing.price,
        realised=closing.realised,
        day=trade.day,
    )


def _open(position: Position, after: fold.Position, trade: Trade) -> None:
    if not after.lots or after.lots[-1].opened_by != trade.pk:
        return
    position.lots_opened += 1
    opened = after.lots[-1].signed_quantity
    Lot.objects.create(
        position=position,
        trade=trade,
        ordinal=position.lots_opened,
        quantity=opened,
        remaining=opened,
        price=trade.price,
        day=trade.day,
    )


def _set(position: Position, after: fold.Position, newest: Trade) -> None:
    for name, value in totals(after).items():
        setattr(position, name, value)
    position.last_trade = newest
    position.save()


def totals(position: fold.Position) -> dict[str, Any]:
    """The columns of a Position row that its trades determine."""
    return {
        "quantity": position.quantity,
        "open_value": position.open_value,
        "average_price": position.average_price,
        "realised": position.realised,
        "opened_at": position.opened_at,
    }


@dataclass(frozen=True, slots=True)
class Books:
    """What the rows of one position should be, by its trades alone."""

    position: fold.Position
    trades: dict[UUID, Trade]
    lots: tuple[Lot, ...]
    closings: tuple[ClosedLot, ...]

    @property
    def newest(self) -> Trade:
        return list(self.trades.values())[-1]


def books_of(position: Position, trades: Iterable[Trade]) -> Books:
    """Fold ``trades`` of one position in the exchange's order; the rows are not saved."""
    by_id = {trade.pk: trade for trade in sorted(trades, key=lambda trade: trade.exchange_order)}
    after = fold.replay(deal(trade) for trade in by_id.values())
    lots = {lot.trade_id: lot for lot in _lots(position, after, by_id)}
    closings = tuple(
        closed_row(lots[closing.opened_by], closing, by_id[closing.closed_by])  # type: ignore[index]
        for closing in after.closings
    )
    return Books(after, by_id, tuple(lots.values()), closings)


def _lots(position: Position, after: fold.Position, trades: dict[UUID, Trade]) -> list[Lot]:
    remaining = {lot.opened_by: lot.signed_quantity for lot in after.lots}
    quantities = dict(remaining)
    for closing in after.closings:
        quantities[closing.opened_by] = quantities.get(closing.opened_by, 0) + closing.signed_quantity
    opened = [trade for trade in trades.values() if trade.pk in quantities]
    return [
        Lot(
            position=position,
            trade=trade,
            ordinal=ordinal,
            quantity=quantities[trade.pk],
            remaining=remaining.get(trade.pk, 0),
            price=trade.price,
            day=trade.day,
        )
        for ordinal, trade in enumerate(opened, start=1)
    ]


def refold(position: Position) -> Position:
    """Throw the position's derived rows away and make them from its trades."""
    trades = Trade.objects.filter(
        portfolio=position.portfolio_id, instrument=position.instrument_id, product=position.product
    )
    books = books_of(position, trades)
    ClosedLot.objects.filter(lot__position=position).delete()
    position.lots.all().delete()
    Lot.objects.bulk_create(books.lots)
    ClosedLot.objects.bulk_create(books.closings)
    position.lots_opened = len(books.lots)
    _set(position, books.position, books.newest)
    return position
