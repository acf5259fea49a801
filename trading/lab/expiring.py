"""What an account holds in contracts that end: left before, or booked at what they are worth, as rows are. Pure."""

from __future__ import annotations

from datetime import date, datetime
from decimal import Decimal

from alphapanda.core.figures import clock_minute
from alphapanda.core.timezone import day_of
from instruments.domain.order_terms import Side
from portfolio.domain.settlement import leave_at, settlement_value
from trading.exits.plans import ExitRequest
from trading.lab.account import MemoryAccount, RunNews
from trading.lab.holdings import HeldInMemory
from trading.lab.values import MemoryTrade
from trading.orders.life_cycle import Urgency


def book_expiries(account: MemoryAccount, day: date) -> None:
    """Close what is held in contracts whose last day, ``day`` or before, is over and whose final price is known."""
    for one in account.holdings.held:
        expiry = one.instrument.expiry
        if expiry is None or expiry > day:
            continue
        price, at = account.facts.final_price(one.instrument_id), account.facts.settled_at(one.instrument_id)
        if price is not None and at is not None:
            _book(account, one, expiry, price, at)


def _book(account: MemoryAccount, held: HeldInMemory, expiry: date, final_price: Decimal, at: datetime) -> None:
    spec = held.instrument
    trade = MemoryTrade(
        sequence=account.holdings.booked + 1,
        portfolio_id=held.portfolio_id,
        instrument=spec,
        instrument_id=held.instrument_id,
        exchange=spec.exchange,
        day=expiry,
        product=held.product,
        trade_id="1",
        broker_order_id=f"expiry:{held.portfolio_id}:{spec.key}",
        signed_quantity=-held.quantity,
        price=settlement_value(spec.instrument_type, spec.strike, final_price),
        traded_at=at,
        is_expiry=True,
    )
    account.holdings.book_trade(trade)
    account.expiries.append(trade)
    if held.portfolio_id in account.deployed:
        told = {"signed_quantity": trade.signed_quantity, "price": str(trade.price), "at": at.isoformat()}
        account.news.append(RunNews(held.portfolio_id, "expired", {"instrument": spec.key, **told}))


def leave_before_delivery(account: MemoryAccount, now: datetime) -> None:
    """Ask the exit of every derivative on a share when it is to be left: it would be delivered (``exits.flat_by``)."""
    for one in account.holdings.held:
        expiry, deployed = one.instrument.expiry, account.deployed.get(one.portfolio_id)
        if expiry is None or deployed is None:
            continue
        token, day = one.instrument_id, day_of(now)
        schedule = account.facts.schedule(token, day)
        at = leave_at(expiry, account.facts.leave_by(token, day), deployed.flat_by, schedule)
        if at is None or now < at or not schedule.is_continuous(now) or account.is_leaving(one.pk):
            continue
        reason = f"flat by {clock_minute(at)}: expires on {expiry.day} {expiry:%b} and would be delivered"
        key = f"{one.portfolio_id}/clock/{one.instrument.key}/{account.plans_opened + 1}"
        side = Side.SELL if one.quantity > 0 else Side.BUY
        asked = ExitRequest(Urgency.NOW, reason, key, asked_by="the clock")
        account.open_exit(deployed, one.instrument, token, side, asked, now)


def unsettled(account: MemoryAccount, day: date) -> dict[str, date]:
    """Return by key what is still held of contracts that expired by ``day``: nobody has told their final price."""
    held = ((one.instrument.key, one.instrument.expiry) for one in account.holdings.held)
    return {key: expiry for key, expiry in held if expiry is not None and expiry <= day}
