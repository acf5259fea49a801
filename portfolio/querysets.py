"""Questions about the books, asked of the database."""

from __future__ import annotations

from datetime import date
from decimal import Decimal
from typing import TYPE_CHECKING, Any
from uuid import UUID

from django.db.models import F, Q, QuerySet, Sum

from instruments.domain.order_terms import Product
from portfolio.domain.charges import CHARGE_KINDS

if TYPE_CHECKING:
    from portfolio.models import Account

ZERO = Decimal(0)


def sum_of(rows: QuerySet[Any], field: str) -> Decimal:
    return rows.aggregate(total=Sum(field))["total"] or ZERO


class AccountQuerySet(QuerySet["Account"]):
    def active(self) -> AccountQuerySet:
        return self.filter(is_active=True)

    def locked(self, account_id: UUID) -> Account:
        """The account's row, locked until the transaction ends; inserts that point at it go on."""
        return self.select_for_update(no_key=True).get(pk=account_id)

    def cash_of(self, account_id: UUID) -> Decimal:
        """What the ledger comes to, as it is kept beside it: one row, however long the ledger."""
        cash: Decimal = self.values_list("cash", flat=True).get(pk=account_id)
        return cash


class TradeQuerySet(QuerySet[Any]):
    def of_order(self, trade: Any) -> TradeQuerySet:
        """Trades of the same order: order ids are unique within a broker's day."""
        return self.filter(
            account=trade.account_id,
            exchange=trade.exchange,
            day=trade.day,
            broker_order_id=trade.broker_order_id,
        )

    def delivered_with(self, trade: Any) -> TradeQuerySet:
        """Delivery trades of the same share and day that were booked before it, on whichever exchange."""
        return self.filter(
            account=trade.account_id,
            day=trade.day,
            product=Product.CNC,
            instrument__tradingsymbol=trade.instrument.tradingsymbol,
            sequence__lt=trade.sequence,
        )

    def without_charges(self) -> TradeQuerySet:
        return self.filter(charges__isnull=True)


class PositionQuerySet(QuerySet[Any]):
    def open(self) -> PositionQuerySet:
        return self.exclude(quantity=0)

    def of_account(self, account_id: UUID) -> PositionQuerySet:
        return self.filter(portfolio__account=account_id)

    def of_day(self, day: date) -> PositionQuerySet:
        """What is held now, and what has been closed on ``day`` or since: all that the day's profit depends on."""
        # Two questions, each answered by an index of what is open or recent; one with OR would read every position.
        unsorted = self.model.objects.order_by().values("pk")
        return self.filter(pk__in=unsorted.open().union(unsorted.filter(lots__realisations__day__gte=day)))

    def net_quantity(self, account_id: UUID, instrument_id: UUID, product: str) -> int:
        """What the whole account holds: the number the broker would show."""
        held = self.of_account(account_id).filter(instrument=instrument_id, product=product)
        return held.aggregate(total=Sum("quantity"))["total"] or 0

    def receivable(self, day: date) -> dict[UUID, int]:
        """Return by position how much of it has not been credited by ``day``: held, and not to be sold yet."""
        waiting = Q(receivables__adjustment__action__credited_on__isnull=True)
        waiting |= Q(receivables__adjustment__action__credited_on__gt=day)
        rows = self.filter(waiting, quantity__gt=0, receivables__isnull=False).values_list("pk", "quantity")
        found = rows.annotate(waiting=Sum("receivables__quantity", filter=waiting))
        return {pk: min(quantity, waiting) for pk, quantity, waiting in found}


class LotQuerySet(QuerySet[Any]):
    def open(self) -> LotQuerySet:
        return self.exclude(remaining=0)

    def sums_by_position(self) -> QuerySet[Any, tuple[Any, ...]]:
        """Portfolio, instrument, position, and what is left of the lots: quantity and what it cost."""
        grouped = self.order_by().values_list("position__portfolio", "position__instrument", "position")
        return grouped.annotate(Sum("remaining"), cost=Sum(F("remaining") * F("price")))


class RealisationQuerySet(QuerySet[Any]):
    def closed_since(self, day: date) -> RealisationQuerySet:
        return self.filter(day__gte=day)

    def sums_by_position(self) -> QuerySet[Any, tuple[Any, ...]]:
        """Portfolio, instrument, position, and what was closed: quantity and what it had cost."""
        grouped = self.values_list("lot__position__portfolio", "lot__position__instrument", "lot__position")
        return grouped.annotate(Sum("quantity"), cost=Sum(F("quantity") * F("lot__price")))


class LedgerQuerySet(QuerySet[Any]):
    def cash(self, account_id: UUID) -> Decimal:
        """The sum of all entries: what ``Account.cash`` has to be. Costs as much as the ledger is long."""
        return sum_of(self.filter(account=account_id), "amount")

    def roundings(self) -> LedgerQuerySet:
        """What makes contract notes whole rupees: of no trade."""
        return self.filter(trade=None, key__startswith="note:")

    def of_facts(self) -> LedgerQuerySet:
        """All but what makes contract notes whole rupees."""
        return self.exclude(trade=None, key__startswith="note:")

    def charges(self) -> LedgerQuerySet:
        return self.filter(kind__in=CHARGE_KINDS)
