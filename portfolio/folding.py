"""Keep positions and lots what their trades say: one trade at a time, or all of them anew."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Any
from uuid import UUID

from django.db.models import QuerySet

from portfolio.domain import positions as fold
from portfolio.models import Lot, Position, Realisation, Trade


def locked_position(trade: Trade) -> Position:
    rows: QuerySet[Position] = Position.objects.select_for_update(no_key=True, of=("self",)).select_related(
        "last_trade"
    )
    position, _ = rows.get_or_create(
        portfolio_id=trade.portfolio_id, instrument_id=trade.instrument_id, product=trade.product
    )
    return position


def apply_trade(trade: Trade) -> Position:
    """Fold a trade that has just been written into its position.

    A trade older than the newest one folded in changes which lots closed which: then all are folded anew, so that
    the books do not depend on the order in which news arrived.
    """
    position = locked_position(trade)
    if position.last_trade and trade.exchange_order < position.last_trade.exchange_order:
        return refold_position(position)
    lots = {lot.trade_id: lot for lot in position.lots.open().order_by("ordinal")}
    before = position_of_rows(position, lots.values())
    after = fold.fold_trade(before, as_value(trade))
    _close(lots, after.realisations, trade)
    _open(position, after, trade)
    _set(position, after, newest=trade)
    return position


def as_value(trade: Trade) -> fold.Trade:
    return fold.Trade(trade.signed_quantity, trade.price, trade.pk, trade.traded_at)


def position_of_rows(position: Position, lots: Iterable[Lot]) -> fold.Position:
    """The position as its rows tell it."""
    open_lots = tuple(fold.Lot(lot.remaining, lot.price, lot.trade_id) for lot in lots)
    return fold.Position(open_lots, position.realised, opened_at=position.opened_at)


def _close(lots: dict[UUID, Lot], realisations: Sequence[fold.Realisation], trade: Trade) -> None:
    touched = [_shrink(lots[realisation.opened_by], realisation) for realisation in realisations]  # type: ignore[index]
    Lot.objects.bulk_update(touched, ["remaining"])
    Realisation.objects.bulk_create(
        realisation_row(lot, realisation, trade) for lot, realisation in zip(touched, realisations, strict=True)
    )


def _shrink(lot: Lot, realisation: fold.Realisation) -> Lot:
    lot.remaining -= realisation.signed_quantity
    return lot


def realisation_row(lot: Lot, realisation: fold.Realisation, trade: Trade) -> Realisation:
    return Realisation(
        lot=lot,
        trade=trade,
        quantity=realisation.signed_quantity,
        price=realisation.price,
        realised=realisation.realised,
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
    for name, value in derived_columns(after).items():
        setattr(position, name, value)
    position.last_trade = newest
    position.save()


def derived_columns(position: fold.Position) -> dict[str, Any]:
    """The columns of a Position row that its trades determine."""
    return {
        "quantity": position.quantity,
        "open_value": position.open_value,
        "average_price": position.average_price,
        "realised": position.realised,
        "opened_at": position.opened_at,
    }


@dataclass(frozen=True, slots=True)
class DerivedRows:
    """What the rows of one position should be, by its trades alone."""

    position: fold.Position
    trades: dict[UUID, Trade]
    lots: tuple[Lot, ...]
    realisations: tuple[Realisation, ...]

    @property
    def newest(self) -> Trade:
        return list(self.trades.values())[-1]


def derive_rows(position: Position, trades: Iterable[Trade]) -> DerivedRows:
    """Fold ``trades`` of one position in the exchange's order; the rows are not saved."""
    by_id = {trade.pk: trade for trade in sorted(trades, key=lambda trade: trade.exchange_order)}
    after = fold.fold_trades(as_value(trade) for trade in by_id.values())
    lots = {lot.trade_id: lot for lot in _lots(position, after, by_id)}
    realisations = tuple(
        realisation_row(lots[realisation.opened_by], realisation, by_id[realisation.closed_by])  # type: ignore[index]
        for realisation in after.realisations
    )
    return DerivedRows(after, by_id, tuple(lots.values()), realisations)


def _lots(position: Position, after: fold.Position, trades: dict[UUID, Trade]) -> list[Lot]:
    remaining = {lot.opened_by: lot.signed_quantity for lot in after.lots}
    quantities = dict(remaining)
    for realisation in after.realisations:
        quantities[realisation.opened_by] = quantities.get(realisation.opened_by, 0) + realisation.signed_quantity
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


def refold_position(position: Position) -> Position:
    """Throw the position's derived rows away and make them from its trades."""
    trades = Trade.objects.filter(
        portfolio=position.portfolio_id, instrument=position.instrument_id, product=position.product
    )
    books = derive_rows(position, trades)
    Realisation.objects.filter(lot__position=position).delete()
    position.lots.all().delete()
    Lot.objects.bulk_create(books.lots)
    Realisation.objects.bulk_create(books.realisations)
    position.lots_opened = len(books.lots)
    _set(position, books.position, books.newest)
    return position
