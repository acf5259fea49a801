"""Work the books out anew from the trades alone, and say where they differ from what stands."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from decimal import Decimal
from typing import Any
from uuid import UUID

from django.db import transaction

from portfolio.charging import segment_of_trade
from portfolio.contract_notes import note_sums
from portfolio.domain.charges import CHARGE_KINDS, ChargeSegment, UnknownCharge, whole_rupees
from portfolio.domain.costs import ChargeRates, costs_of
from portfolio.domain.same_day import DeliveryDay, Step, sole_step
from portfolio.folding import derive_rows, derived_columns, refold_position
from portfolio.ledger_entries import cost_entries, value_entries
from portfolio.models import (
    Account,
    Adjustment,
    ChargeRate,
    LedgerEntry,
    LedgerKind,
    Lot,
    Position,
    Realisation,
    Receivable,
    Trade,
)

PositionKey = tuple[UUID, UUID, str]


@dataclass(frozen=True, slots=True)
class Difference:
    """One figure that is not what the trades say. What is derived can be put right; facts cannot."""

    what: str
    where: str
    stands: str
    should_be: str
    is_derived: bool

    def __str__(self) -> str:
        return f"{self.where}: {self.what} stands at {self.stands}, the trades say {self.should_be}"


@transaction.atomic
def rebuild_account(account: Account, *, fix: bool = False) -> list[Difference]:
    """Compare positions, lots, ledger and charges with the account's trades; return every difference found.

    ``fix`` writes positions, lots and cash anew and leaves the ledger alone: facts are corrected by further entries.
    """
    account = Account.objects.locked(account.pk)
    trades = list(
        account.trades.select_related("instrument").prefetch_related("instrument__names").order_by("sequence")
    )
    return [
        *position_differences(account, trades, fix=fix),
        *cash_differences(account, fix=fix),
        *ledger_differences(account, trades),
    ]


def position_differences(account: Account, trades: Iterable[Trade], *, fix: bool) -> Iterator[Difference]:
    adjustments: dict[UUID, list[Adjustment]] = defaultdict(list)
    for adjustment in account.adjustments.all():
        adjustments[adjustment.instrument_id].append(adjustment)
    for key, (row, of_position) in positions_and_trades(account, trades).items():
        differences = list(compare_position(row or unwritten_position(key), of_position, adjustments[key[1]]))
        yield from differences
        if fix and differences:
            refold_position(row or Position.objects.create(portfolio_id=key[0], instrument_id=key[1], product=key[2]))


def positions_and_trades(
    account: Account, trades: Iterable[Trade]
) -> dict[PositionKey, tuple[Position | None, list[Trade]]]:
    """By portfolio, instrument and product, in a fixed order: the row that stands and the trades behind it."""
    grouped: dict[PositionKey, list[Trade]] = defaultdict(list)
    for trade in trades:
        grouped[trade.portfolio_id, trade.instrument_id, trade.product].append(trade)
    rows = Position.objects.of_account(account.pk).select_for_update(no_key=True, of=("self",))
    standing = {(row.portfolio_id, row.instrument_id, row.product): row for row in rows.order_by("pk")}
    return {key: (standing.get(key), grouped[key]) for key in sorted({*standing, *grouped}, key=str)}


def unwritten_position(key: PositionKey) -> Position:
    return Position(portfolio_id=key[0], instrument_id=key[1], product=key[2])


def compare_position(row: Position, trades: list[Trade], adjustments: list[Adjustment]) -> Iterator[Difference]:
    where = f"{trades[0].instrument.key if trades else row.instrument.key} {row.product}"
    books = derive_rows(row, trades, adjustments)
    for name, should_be in derived_columns(books.position).items():
        yield from compare_figures(name, where, getattr(row, name), should_be, is_derived=True)
    lots = Lot.objects.filter(position=row.pk).order_by("ordinal")
    yield from compare_figures("lots", where, _lots_in_words(lots), _lots_in_words(books.lots), is_derived=True)
    realisations = Realisation.objects.filter(lot__position=row.pk).select_related("lot")
    yield from compare_figures(
        "closed lots",
        where,
        _realisations_in_words(realisations),
        _realisations_in_words(books.realisations),
        is_derived=True,
    )
    stand, should_be = (
        _receivables_in_words(rows) for rows in (Receivable.objects.filter(position=row.pk), books.receivables)
    )
    yield from compare_figures("receivables", where, stand, should_be, is_derived=True)


def compare_figures(what: str, where: str, stands: Any, should_be: Any, *, is_derived: bool) -> Iterator[Difference]:
    if stands != should_be:
        yield Difference(what, where, _words(stands), _words(should_be), is_derived)


def _words(figure: Any) -> str:
    if isinstance(figure, list):
        return "; ".join(figure) or "none"
    return "nothing" if figure is None else f"{figure}"


def _lots_in_words(lots: Iterable[Lot]) -> list[str]:
    return [f"{lot.remaining:+} of {lot.quantity:+} at {lot.price:f} of {lot.day}" for lot in lots]


def _realisations_in_words(realisations: Iterable[Realisation]) -> list[str]:
    return sorted(
        f"{one.quantity:+} of lot {one.lot.ordinal} at {one.price:f} for {one.realised:f} on {one.day}"
        for one in realisations
    )


def cash_differences(account: Account, *, fix: bool) -> Iterator[Difference]:
    """The account's cash as it is kept, beside the sum of its ledger."""
    summed = LedgerEntry.objects.cash(account.pk)
    yield from compare_figures("cash", account.name, account.cash, summed, is_derived=True)
    if fix:
        Account.objects.filter(pk=account.pk).update(cash=summed)


def _receivables_in_words(receivables: Iterable[Receivable]) -> list[str]:
    return sorted(f"{one.quantity:+} by {one.adjustment_id}" for one in receivables)


def ledger_differences(account: Account, trades: Iterable[Trade]) -> Iterator[Difference]:
    """Entries missing, too many or of another amount by their keys; charges not told as they were booked."""
    expected, charges = expected_ledger(account, trades)
    kinds = [LedgerKind.OPENING, LedgerKind.TRADE_VALUE, *CHARGE_KINDS]
    standing = dict(account.ledger.filter(kind__in=kinds).of_facts().values_list("key", "amount"))
    for key in sorted({*expected, *standing}):
        yield from compare_figures("ledger entry", key, standing.get(key), expected.get(key), is_derived=False)
    for trade, total in charges:
        yield from compare_figures("charges", f"trade {trade.trade_id}", trade.charges, total, is_derived=False)
    for (day, segment, kind), sums in note_sums(account).items():
        if sums.roundings:
            note, rounded = f"contract note of {day}, {segment}", whole_rupees(sums.exact)
            yield from compare_figures(kind, note, sums.exact + sums.rounding, rounded, is_derived=False)


def expected_ledger(
    account: Account, trades: Iterable[Trade]
) -> tuple[dict[str, Decimal], list[tuple[Trade, Decimal | None]]]:
    """Amounts by key, and each trade's charges, by the opening cash, the trades and the rates on file."""
    rates = ChargeRates(ChargeRate.objects.all())
    amounts = {"opening": account.opening_cash} if account.opening_cash else {}
    charges: list[tuple[Trade, Decimal | None]] = []
    for trade, step in with_steps(trades):
        total, entries = expected_entries(rates, trade, step)
        charges.append((trade, total))
        amounts |= {entry.key: entry.amount for entry in entries}
    return amounts, charges


def with_steps(trades: Iterable[Trade]) -> Iterator[tuple[Trade, Step[Trade] | None]]:
    """Each trade with what it changed when it was booked; None where nobody knows what such a trade is charged."""
    executed: dict[tuple[Any, ...], Decimal] = defaultdict(Decimal)
    days: dict[tuple[Any, ...], DeliveryDay[Trade]] = defaultdict(DeliveryDay)
    for trade in trades:
        try:
            segment = segment_of_trade(trade)
        except UnknownCharge:
            yield trade, None
            continue
        if segment == ChargeSegment.DELIVERY:
            yield trade, days[trade.instrument.symbol_on(trade.day), trade.day].add_trade(trade)
            continue
        order = trade.exchange, trade.day, trade.broker_order_id
        yield trade, sole_step(trade, segment, executed[order])
        executed[order] += abs(trade.value)


def expected_entries(
    rates: ChargeRates, trade: Trade, step: Step[Trade] | None
) -> tuple[Decimal | None, list[LedgerEntry]]:
    if step is None:
        return None, value_entries(trade)
    try:
        charges, costs = costs_of(rates, trade, step)
    except UnknownCharge:
        return None, value_entries(trade)
    return charges, [*value_entries(trade), *cost_entries(trade, costs, step)]
