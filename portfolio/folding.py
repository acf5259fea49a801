"""Keep positions and lots what their trades say: one trade at a time, or all of them anew."""

from __future__ import annotations

from collections.abc import Hashable, Iterable, Sequence
from dataclasses import dataclass
from typing import Any
from uuid import UUID

from django.db.models import QuerySet

from portfolio.domain import positions as fold
from portfolio.models import Adjustment, Lot, Position, Realisation, Receivable, Trade


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

    A trade older than the newest one folded in, or than a split or bonus issue since, changes which lots closed which:
    then all are folded anew, so that the books do not depend on the order in which news arrived.
    """
    position = locked_position(trade)
    is_late = position.last_trade and trade.exchange_order < position.last_trade.exchange_order
    if (
        is_late
        or Adjustment.objects.filter(
            account=trade.account_id, instrument=trade.instrument_id, at__gt=trade.traded_at
        ).exists()
    ):
        return refold_position(position)
    lots = {lot.pk: lot for lot in position.lots.open().order_by("ordinal")}
    before = position_of_rows(position, lots.values())
    after = fold.fold_trade(before, as_value(trade))
    _close(lots, after.realisations, trade)
    _open(position, after, trade)
    _set(position, after, newest=trade)
    return position


def as_value(trade: Trade) -> fold.Trade:
    return fold.Trade(trade.signed_quantity, trade.price, trade.pk, trade.traded_at)


def position_of_rows(position: Position, lots: Iterable[Lot]) -> fold.Position:
    """The position as its rows tell it; each lot is named by its row."""
    open_lots = tuple(fold.Lot(lot.remaining, lot.price, lot.pk) for lot in lots)
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
    """What the rows of one position should be, by its trades and adjustments alone."""

    position: fold.Position
    trades: dict[UUID, Trade]
    lots: tuple[Lot, ...]
    realisations: tuple[Realisation, ...]
    receivables: tuple[Receivable, ...]

    @property
    def newest(self) -> Trade:
        return list(self.trades.values())[-1]


class Deriving:
    """Folds the trades and adjustments of one position in the exchange's order, and notes each lot as it appears."""

    def __init__(self, position: Position, trades: Iterable[Trade], adjustments: Iterable[Adjustment]) -> None:
        self.row = position
        self.trades = {trade.pk: trade for trade in sorted(trades, key=lambda trade: trade.exchange_order)}
        self.adjustments = {adjustment.pk: adjustment for adjustment in adjustments}
        self.lots: dict[Hashable, Lot] = {}
        self.receivables: list[Receivable] = []

    def derive(self) -> DerivedRows:
        after = fold.FLAT
        events: list[Trade | Adjustment] = [*self.trades.values(), *self.adjustments.values()]
        for event in sorted(events, key=lambda one: one.exchange_order):
            before, after = after, fold.fold_event(after, as_event(event))
            self._note_lots(after.lots if isinstance(event, Adjustment) else after.lots[-1:])
            if isinstance(event, Adjustment) and after.quantity != before.quantity:
                entitled = after.quantity - before.quantity
                self.receivables.append(Receivable(position=self.row, adjustment=event, quantity=entitled))
        remaining = {lot.opened_by: lot.signed_quantity for lot in after.lots}
        for name, lot in self.lots.items():
            lot.remaining = remaining.get(name, 0)
        realisations = tuple(self._realisation(one) for one in after.realisations)
        return DerivedRows(after, self.trades, tuple(self.lots.values()), realisations, tuple(self.receivables))

    def _note_lots(self, lots: Iterable[fold.Lot]) -> None:
        for lot in lots:
            if lot.opened_by not in self.lots:
                self.lots[lot.opened_by] = self._lot(lot, ordinal=len(self.lots) + 1)

    def _lot(self, lot: fold.Lot, ordinal: int) -> Lot:
        adjusted = lot.opened_by if isinstance(lot.opened_by, fold.AdjustedLot) else None
        trade = self.trades[trade_behind(lot.opened_by)]
        return Lot(
            position=self.row,
            trade=trade,
            adjustment=self.adjustments[adjusted.adjustment] if adjusted else None,  # type: ignore[index]
            piece=adjusted.piece if adjusted else 0,
            ordinal=ordinal,
            quantity=lot.signed_quantity,
            price=lot.price,
            day=trade.day,
        )

    def _realisation(self, realisation: fold.Realisation) -> Realisation:
        closed_by: UUID = realisation.closed_by  # type: ignore[assignment]
        return realisation_row(self.lots[realisation.opened_by], realisation, self.trades[closed_by])


def as_event(event: Trade | Adjustment) -> fold.Trade | fold.Adjustment:
    if isinstance(event, Adjustment):
        return fold.Adjustment(event.held, event.becomes, event.pk)
    return as_value(event)


def trade_behind(name: Hashable) -> UUID:
    """Return the trade that opened a lot, whatever splits and bonus issues have made of it since."""
    while isinstance(name, fold.AdjustedLot):
        name = name.origin
    return name  # type: ignore[return-value]


def derive_rows(position: Position, trades: Iterable[Trade], adjustments: Iterable[Adjustment]) -> DerivedRows:
    """Fold ``trades`` and ``adjustments`` of one position in the exchange's order; the rows are not saved."""
    return Deriving(position, trades, adjustments).derive()


def refold_position(position: Position) -> Position:
    """Throw the position's derived rows away and make them from its trades and adjustments."""
    trades = Trade.objects.filter(
        portfolio=position.portfolio_id, instrument=position.instrument_id, product=position.product
    )
    adjustments = Adjustment.objects.filter(
        account__portfolios=position.portfolio_id, instrument=position.instrument_id
    )
    books = derive_rows(position, trades, adjustments)
    position.receivables.all().delete()
    Realisation.objects.filter(lot__position=position).delete()
    position.lots.all().delete()
    Lot.objects.bulk_create(books.lots)
    Realisation.objects.bulk_create(books.realisations)
    Receivable.objects.bulk_create(books.receivables)
    position.lots_opened = len(books.lots)
    _set(position, books.position, books.newest)
    return position
