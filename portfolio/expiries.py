"""Contracts that expire: which must be left before, and what became of those held to the end."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import date, datetime, time, timedelta
from decimal import Decimal
from uuid import UUID

from django.db import transaction
from django.db.models import Exists, OuterRef

from alphapanda.core.journal.services import record_event
from alphapanda.core.timezone import IST
from instruments.domain.contracts import CASH_EXCHANGES, SecurityClass
from instruments.models import Instrument, SettlementPrice, TradingSession
from instruments.querysets import shares_among
from portfolio.booking import TradeReport, book_trade
from portfolio.domain.settlement import leave_by_day, settlement_value
from portfolio.models import Account, Position, Trade, TradeKind
from portfolio.querysets import PositionQuerySet

# Four trading days, and the longest row of holidays and weekends there has been between them.
LONGEST_WARNING = timedelta(days=14)
HAS_FINAL_PRICE = Exists(
    SettlementPrice.objects.filter(
        exchange=OuterRef("instrument__exchange"),
        underlying=OuterRef("instrument__name"),
        day=OuterRef("instrument__expiry"),
    )
)


def expired_positions(now: datetime) -> PositionQuerySet:
    """Return open positions in contracts whose last day has come, be it over or not."""
    return Position.objects.open().filter(instrument__expiry__lte=now.astimezone(IST).date())


def settlement_time(instrument: Instrument) -> datetime:
    """Return when the day of expiry is over and its closing prices are made.

    That is the end of the last phase at the underlying's exchange: the closing auction makes the prices that index
    contracts are settled by (kite.md 5.6). Of a day that nobody has told of it is midnight.
    """
    assert instrument.expiry is not None
    midnight = datetime.combine(instrument.expiry + timedelta(days=1), time(0), IST)
    return TradingSession.objects.last_close(CASH_EXCHANGES[instrument.exchange], instrument.expiry) or midnight


def awaiting_price(now: datetime) -> list[Position]:
    """Return positions in contracts that are over and whose final price nobody has told yet."""
    unknown = expired_positions(now).filter(~HAS_FINAL_PRICE).select_related("instrument", "portfolio__account")
    return [position for position in unknown if now >= settlement_time(position.instrument)]


def ready_to_book(now: datetime) -> list[Position]:
    """Return positions in contracts that are over and whose final price is known, in a fixed order."""
    known = expired_positions(now).filter(HAS_FINAL_PRICE).select_related("instrument", "portfolio").order_by("pk")
    return [position for position in known if now >= settlement_time(position.instrument)]


@transaction.atomic
def book_expiry(position_id: UUID, account_id: UUID) -> Trade | None:
    """Close what is held in an expired contract at its settlement value; None if nothing is held any more.

    Contracts on shares are settled in cash too: physical delivery is not booked. A trade of the contract that is
    heard of later is folded in before it, and what it leaves open is closed by a further one.
    """
    Account.objects.locked(account_id)
    position = Position.objects.select_related("instrument", "portfolio").get(pk=position_id)
    price = SettlementPrice.objects.final_price(position.instrument)
    if price is None or not position.quantity:
        return None
    trade, _ = book_trade(_settlement(position, price))
    _record_expiry(trade, price)
    return trade


def _settlement(position: Position, price: Decimal) -> TradeReport:
    instrument = position.instrument
    order = f"expiry:{position.pk}"
    before = Trade.objects.filter(account=position.portfolio.account_id, broker_order_id=order).count()
    assert instrument.expiry is not None
    return TradeReport(
        account_id=position.portfolio.account_id,
        portfolio_id=position.portfolio_id,
        instrument_id=instrument.pk,
        exchange=instrument.exchange,
        day=instrument.expiry,
        trade_id=str(before + 1),
        broker_order_id=order,
        order_tag="",
        product=position.product,
        signed_quantity=-position.quantity,
        price=settlement_value(instrument.instrument_type, instrument.strike, price),
        traded_at=settlement_time(instrument),
        kind=TradeKind.EXPIRY,
    )


def _record_expiry(trade: Trade, price: Decimal) -> None:
    payload = {
        "trade": str(trade.pk),
        "closed": -trade.signed_quantity,
        "final_price": str(price),
        "value": str(trade.price),
        "on_a_share": trade.instrument.name in shares_among({trade.instrument.name}),
    }
    record_event("position.expired", account_id=trade.account_id, key=trade.instrument.key, payload=payload)


@dataclass(frozen=True, slots=True)
class Departure:
    """A position that has to be left before it expires, and the last trading day to do it on."""

    position: Position
    leave_by: date


def derivatives_to_leave(today: date) -> list[Departure]:
    """Return positions in derivatives on shares that have to be left before they expire, soonest first."""
    near = Position.objects.open().filter(instrument__expiry__range=(today, today + LONGEST_WARNING))
    positions = list(near.select_related("instrument", "portfolio__account").order_by("instrument__expiry", "pk"))
    days = days_to_leave([position.instrument for position in positions], today)
    return [Departure(one, days[one.instrument_id]) for one in positions if one.instrument_id in days]


def days_to_leave(instruments: Iterable[Instrument], today: date, *, only_certain: bool = False) -> dict[UUID, date]:
    """Return by instrument id the last trading day to leave what is a derivative on a share and expires in days.

    Where the calendar does not reach its expiry the day may be named too early; ``only_certain`` leaves it out then.
    """
    near = [(one, one.expiry) for one in instruments if one.expiry and _is_near(one.expiry, today)]
    if not near:
        return {}
    shares = shares_among({instrument.name for instrument, _ in near})
    days = TradingSession.objects.trading_days("NFO", SecurityClass.DERIVATIVE, today, today + LONGEST_WARNING)
    found = {
        instrument.pk: leave_by_day(expiry, today, days)
        for instrument, expiry in near
        if instrument.name in shares and (not only_certain or expiry in days or expiry - today <= timedelta(days=1))
    }
    return {pk: day for pk, day in found.items() if day is not None}


def _is_near(expiry: date, today: date) -> bool:
    return today <= expiry <= today + LONGEST_WARNING
