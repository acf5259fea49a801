"""The only writer of the books: accounts opened, trades booked once each, money moved."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import date, datetime
from decimal import Decimal
from types import MappingProxyType
from uuid import UUID

import structlog
from django.db import transaction
from django.db.models import F, Sum
from django.db.models.functions import Abs

from alphapanda.core.clock import market_now
from alphapanda.core.figures import rupees
from alphapanda.core.journal.services import record_event
from alphapanda.core.telemetry.crashpoints import crashpoint
from alphapanda.core.timezone import IST
from portfolio.charging import rates_of, segment_of_trade
from portfolio.contract_notes import notes_to_round
from portfolio.domain.charges import PAISA, ChargeSegment, UnknownCharge
from portfolio.domain.costs import costs_of
from portfolio.domain.pnl import DayPrice
from portfolio.domain.positions import PRICE_STEP
from portfolio.domain.same_day import DeliveryDay, Step, sole_step
from portfolio.folding import apply_trade
from portfolio.funds import available_funds
from portfolio.ledger_entries import cost_entries, rounding_entry, value_entries
from portfolio.models import Account, LedgerEntry, LedgerKind, Portfolio, Position, Trade, TradeKind

log = structlog.get_logger()
ZERO = Decimal(0)
NO_PRICES: Mapping[UUID, DayPrice] = MappingProxyType({})


class ConflictingTrade(Exception):
    """A trade already booked is reported again with other figures. Facts are not edited: a person must look."""


class InsufficientFunds(Exception):
    """More is to be withdrawn than is free."""


@dataclass(frozen=True, slots=True)
class TradeReport:
    """One execution as the broker tells it. ``portfolio_id`` None: no order of ours made it.

    Settled at expiry, an option out of the money is worth nothing; no other trade has a price of zero.
    """

    account_id: UUID
    portfolio_id: UUID | None
    instrument_id: UUID
    exchange: str
    day: date
    trade_id: str
    broker_order_id: str
    order_tag: str
    product: str
    signed_quantity: int
    price: Decimal
    traded_at: datetime
    kind: TradeKind = TradeKind.EXECUTION
    part: int = 1

    def __post_init__(self) -> None:
        is_free = self.kind == TradeKind.EXPIRY and self.price == 0
        if not self.signed_quantity or not self.trade_id or not self.broker_order_id:
            raise ValueError(f"not a trade: {self}")
        if self.price <= 0 and not is_free:
            raise ValueError(f"not a trade's price: {self}")
        if self.price != self.price.quantize(PRICE_STEP):
            raise ValueError(f"a price finer than {PRICE_STEP}: {self.price}")
        if self.traded_at.tzinfo is None:
            raise ValueError(f"a trade's time names its zone: {self.traded_at}")


@transaction.atomic
def open_account(
    name: str,
    mode: str,
    broker: str,
    opening_cash: Decimal,
    intraday_multiple: Decimal = Decimal(5),
    derivative_margin_percent: Decimal | None = Decimal(20),
    client_id: str = "",
) -> Account:
    """Open an account with its opening cash in the ledger and a portfolio for trades made by hand."""
    account = Account.objects.create(
        name=name,
        mode=mode,
        broker=broker,
        opening_cash=in_paise(opening_cash),
        intraday_multiple=intraday_multiple,
        derivative_margin_percent=derivative_margin_percent,
        client_id=client_id,
        opened_at=market_now(),
    )
    set_up_account(account)
    return account


def set_up_account(account: Account) -> None:
    """What a new account begins with, however its row was made."""
    ensure_portfolio(account)
    if account.opening_cash:
        _enter_money(account, LedgerKind.OPENING, account.opening_cash, key="opening", note="opening cash")
    record_event(
        "account.opened",
        account_id=account.pk,
        key=account.name,
        payload={"mode": account.mode, "broker": account.broker, "cash": str(account.opening_cash)},
    )


def ensure_portfolio(account: Account, deployment_id: UUID | None = None, name: str = "") -> Portfolio:
    """The one portfolio of this deployment (None: by hand) in this account, whoever asks first."""
    portfolio, _ = Portfolio.objects.get_or_create(
        account=account, deployment_id=deployment_id, defaults={"name": name}
    )
    return portfolio


def book_trade(report: TradeReport) -> tuple[Trade, bool]:
    """Book a trade exactly once, in the caller's transaction; say whether it was new.

    Locks the account, then the position, and raises the account's version. Charges for which no rate is known stay
    unknown (``trade.charges is None``) until ``charge_uncharged``: a position is never hidden for want of a rate.
    Raises ConflictingTrade where the same trade is reported with other figures.
    """
    account = Account.objects.locked(report.account_id)
    if booked := _booked(report):
        return _unchanged(booked, report), False
    raise_version(account)
    trade = _trade(account, report)
    trade.charges, entries = _charge(trade)
    trade.save(force_insert=True)
    crashpoint("trade_written")
    enter_in_ledger(account.pk, [*value_entries(trade), *entries])
    _record_trade(trade, apply_trade(trade))
    return trade, True


def book_parts(report: TradeReport, parts: Sequence[tuple[UUID, int]]) -> list[Trade]:
    """Book a trade that closes what several portfolios hold: a part for each, in the caller's transaction.

    ``parts`` are portfolios, each once, and signed quantities. Raises ValueError unless they sum to the trade.
    """
    if sum(quantity for _, quantity in parts) != report.signed_quantity or len(dict(parts)) != len(parts):
        raise ValueError(f"parts of {report.trade_id} are not the trade of {report.signed_quantity:+}: {parts}")
    reports = (
        replace(report, portfolio_id=portfolio, signed_quantity=quantity, part=number)
        for number, (portfolio, quantity) in enumerate(parts, start=1)
    )
    return [book_trade(one)[0] for one in reports]


def _booked(report: TradeReport) -> Trade | None:
    return Trade.objects.filter(
        account=report.account_id,
        exchange=report.exchange,
        day=report.day,
        trade_id=report.trade_id,
        broker_order_id=report.broker_order_id,
        part=report.part,
    ).first()


def _unchanged(booked: Trade, report: TradeReport) -> Trade:
    figures = ("instrument_id", "signed_quantity", "price", "product")
    changed = [name for name in figures if getattr(booked, name) != getattr(report, name)]
    if changed:
        said = ", ".join(f"{name} {getattr(booked, name)} → {getattr(report, name)}" for name in changed)
        raise ConflictingTrade(f"trade {booked.trade_id} of {booked.day} was booked otherwise: {said}")
    return booked


def raise_version(account: Account) -> None:
    """Number the next change of an account whose row the caller has locked."""
    account.version += 1
    account.save(update_fields=["version"])


def _trade(account: Account, report: TradeReport) -> Trade:
    portfolio_id = report.portfolio_id or ensure_portfolio(account).pk
    return Trade(
        account=account,
        kind=report.kind,
        portfolio_id=portfolio_id,
        instrument_id=report.instrument_id,
        sequence=account.version,
        exchange=report.exchange,
        day=report.day,
        trade_id=report.trade_id,
        broker_order_id=report.broker_order_id,
        part=report.part,
        order_tag=report.order_tag,
        product=report.product,
        signed_quantity=report.signed_quantity,
        price=report.price,
        traded_at=report.traded_at,
        booked_at=market_now(),
    )


def _charge(trade: Trade) -> tuple[Decimal | None, list[LedgerEntry]]:
    """The trade's own charges, and all that they book; None and nothing where a rate is unknown."""
    try:
        step = _step_of(trade)
        charges, costs = costs_of(rates_of(trade.exchange), trade, step)
    except UnknownCharge as unknown:
        log.warning("charges_unknown", trade=trade.trade_id, day=str(trade.day), reason=str(unknown))
        return None, []
    return charges, cost_entries(trade, costs, step)


def _step_of(trade: Trade) -> Step[Trade]:
    segment = segment_of_trade(trade)
    if segment != ChargeSegment.DELIVERY:
        return sole_step(trade, segment, executed_before(trade))
    day: DeliveryDay[Trade] = DeliveryDay()
    for earlier in Trade.objects.delivered_with(trade).order_by("sequence"):
        day.add_trade(earlier)
    return day.add_trade(trade)


def executed_before(trade: Trade) -> Decimal:
    """Rupees for which the trade's order had been executed when the trade was booked."""
    earlier = Trade.objects.of_order(trade).filter(sequence__lt=trade.sequence)
    return earlier.aggregate(turnover=Sum(Abs(F("signed_quantity")) * F("price")))["turnover"] or ZERO


def _record_trade(trade: Trade, position: Position) -> None:
    record_event(
        "trade.booked",
        account_id=trade.account_id,
        key=trade.order_tag or trade.broker_order_id,
        payload={
            "trade": str(trade.pk),
            "kind": trade.kind,
            "portfolio": str(trade.portfolio_id),
            "instrument": trade.instrument.key,
            "product": trade.product,
            "signed_quantity": trade.signed_quantity,
            "price": str(trade.price),
            "charges": None if trade.charges is None else str(trade.charges),
            "position": position.quantity,
            "realised": str(position.realised),
            "version": trade.sequence,
        },
    )


@transaction.atomic
def charge_uncharged(account: Account) -> int:
    """Book the charges of trades whose rates have become known; return for how many."""
    Account.objects.locked(account.pk)
    waiting = account.trades.without_charges().select_related("instrument").order_by("sequence")
    return sum(_charge_trade(trade) for trade in waiting)


def _charge_trade(trade: Trade) -> bool:
    charges, entries = _charge(trade)
    if charges is None:
        return False
    trade.charges = charges
    trade.save(update_fields=["charges"])
    enter_in_ledger(trade.account_id, entries)
    return True


@transaction.atomic
def round_contract_notes(account: Account, now: datetime) -> list[LedgerEntry]:
    """Book what the notes of days that are over differ from their trades by; return what was booked.

    A note that changes afterwards is put right by a further entry.
    """
    Account.objects.locked(account.pk)
    due = [rounding_entry(account, part, sums, now) for part, sums in notes_to_round(account, now).items()]
    enter_in_ledger(account.pk, due)
    return due


@transaction.atomic
def transfer_money(
    account_id: UUID, amount: Decimal, key: str, note: str = "", prices: Mapping[UUID, DayPrice] = NO_PRICES
) -> tuple[LedgerEntry, bool]:
    """Move money in (above zero) or out (below), once per ``key``; say whether it was new.

    ``prices`` are by instrument id, for what positions may be losing. Raises InsufficientFunds where more
    is to go out than is free, or where that is not known.
    """
    account = Account.objects.locked(account_id)
    if moved := LedgerEntry.objects.filter(account=account, key=f"transfer:{key}").first():
        return moved, False
    free = available_funds(account, prices).available
    if amount < 0 and (free is None or -amount > free):
        raise InsufficientFunds(f"{rupees(-amount)} is to be withdrawn and {rupees(free)} is free")
    raise_version(account)
    kind = LedgerKind.DEPOSIT if amount > 0 else LedgerKind.WITHDRAWAL
    entry = _enter_money(account, kind, in_paise(amount), key=f"transfer:{key}", note=note)
    record_event("money.moved", account_id=account.pk, key=account.name, payload={"amount": str(amount), "note": note})
    return entry, True


def _enter_money(account: Account, kind: LedgerKind, amount: Decimal, *, key: str, note: str) -> LedgerEntry:
    now = market_now()
    day = now.astimezone(IST).date()
    entry = LedgerEntry(account=account, kind=kind, amount=amount, key=key, note=note, at=now, day=day)
    enter_in_ledger(account.pk, [entry])
    account.refresh_from_db(fields=["cash"])
    return entry


def enter_in_ledger(account_id: UUID, entries: list[LedgerEntry]) -> None:
    """Write entries and raise the account's cash by them, in the caller's transaction.

    The one way into the ledger. The update locks the account's row, so that no two sums pass each other.
    """
    LedgerEntry.objects.bulk_create(entries)
    total = sum((entry.amount for entry in entries), ZERO)
    Account.objects.filter(pk=account_id).update(cash=F("cash") + total)


def in_paise(amount: Decimal) -> Decimal:
    """Money that is moved comes in whole paise; anything finer is a mistake."""
    if amount != amount.quantize(PAISA):
        raise ValueError(f"not whole paise: {amount}")
    return amount
