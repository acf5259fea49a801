"""The lines of a ticket: what the exchange allows of the order, what it costs, and whose holding it closes."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from datetime import date, datetime
from decimal import Decimal
from typing import TypedDict

from alphapanda.core.figures import UNKNOWN, clock_minute, money_words, plain, rupees, whole
from alphapanda.core.timezone import IST
from instruments.domain.contracts import slice_quantity
from instruments.domain.order_terms import NEEDS_PRICE, Product, Side
from instruments.domain.price_protection import (
    Protection,
    UnknownProtection,
    limit_range,
    protected_price,
    slab_percent,
)
from instruments.models import FreezeQuantity, Instrument
from instruments.querysets import shares_among
from portfolio.charging import rates_of
from portfolio.domain.charges import Charges, UnknownCharge, segment_of
from portfolio.expiries import days_to_leave
from trading.exits.by_hand import Choice
from trading.models import PriceBand, Signal
from trading.risk.exchange_rules import MOST_SLICES
from trading.risk.inputs import MarketView
from trading.risk.judging import Judgement

# Beyond the second slice the count says more than the quantities do.
NAMED_SLICES = 4


class Line(TypedDict):
    """A name and what is to say of it; ``tone`` and ``icon`` where it is no mere fact."""

    key: str
    name: str
    words: str
    tone: str
    icon: str


def line(name: str, words: str, tone: str = "", icon: str = "none") -> Line:
    return {"key": name, "name": name, "words": words, "tone": tone, "icon": icon}


def unknown(name: str, why: str) -> Line:
    return line(name, f"{UNKNOWN}: {why}", "warn", "unknown")


def exchange_lines(
    instrument: Instrument, now: datetime, market: MarketView | None = None, signal: Signal | None = None
) -> list[Line]:
    """Return what the exchange says of an instrument today; with an order, what it says of that."""
    day = now.astimezone(IST).date()
    lines: list[Line | None] = [lot_line(instrument), freeze_line(instrument, day, signal), band_line(instrument, day)]
    if market and signal:
        lines += [range_line(market.protection, signal), protection_line(market, signal)]
    return [one for one in [*lines, ban_line(instrument), expiry_line(instrument, day)] if one]


def lot_line(instrument: Instrument) -> Line:
    if instrument.is_index:
        return line("Lot", "an index: it cannot be traded", "fault", "cross")
    return line("Lot", f"{whole(instrument.lot_size)}, on ticks of {plain(instrument.tick_size)}")


def freeze_line(instrument: Instrument, day: date, signal: Signal | None) -> Line:
    """How many orders it becomes: the exchange takes no more at once than the freeze quantity."""
    freeze = FreezeQuantity.objects.freeze_for(instrument, day)
    if freeze is None:
        is_share = instrument.instrument_type == "EQ"
        return line("Freeze", "none for shares: one order") if is_share else unknown("Freeze", "it goes as one order")
    most = f"{whole(freeze)} at once"
    return line("Freeze", f"{most}: {slices_words(signal.quantity, instrument.lot_size, freeze)}" if signal else most)


def slices_words(quantity: int, lot_size: int, freeze: int) -> str:
    cut = slice_quantity(quantity, lot_size or 1, freeze)
    if len(cut) == 1:
        return "one order"
    listed = " + ".join(whole(one) for one in cut[:NAMED_SLICES]) + (" + …" if len(cut) > NAMED_SLICES else "")
    too_many = f", more than the {MOST_SLICES} we send" if len(cut) > MOST_SLICES else ""
    return f"{len(cut)} orders{too_many}, {listed}"


def band_line(instrument: Instrument, day: date) -> Line:
    band = PriceBand.objects.filter(instrument=instrument, day=day).first()
    if band is None:
        return unknown("Price band", "nobody has told it today; the exchange decides")
    return line("Price band", f"{plain(band.low)} to {plain(band.high)}, told at {clock_minute(band.told_at)}")


def range_line(protection: Protection, signal: Signal) -> Line | None:
    """The exchange's limit price protection; shares have none."""
    if not protection.range:
        return None
    last = signal.reference_price
    if last is None:
        return unknown("Limit range", "it follows the last price")
    allowed = limit_range(protection, last)
    if allowed is None:
        return None
    return line("Limit range", f"sells from {plain(allowed[0])}, buys to {plain(allowed[1])}, of last {plain(last)}")


def protection_line(market: MarketView, signal: Signal) -> Line | None:
    """How far an order at market may go at worst."""
    if signal.order_type in NEEDS_PRICE:
        return None
    worst = worst_price(market, signal)
    if worst is None:
        return unknown("Market protection", "it follows the last price")
    side = "pays at most" if signal.side == Side.BUY else "takes at least"
    return line("Market protection", f"{side} {plain(worst)}")


def ban_line(instrument: Instrument) -> Line | None:
    """The exchange's list of the day is not read here, so of derivatives on shares it is not known."""
    if not instrument.expiry or instrument.name not in shares_among({instrument.name}):
        return None
    return unknown("F&O ban", "the exchange's list of the day is not read here; look before you add")


def expiry_line(instrument: Instrument, day: date) -> Line | None:
    if not instrument.expiry:
        return None
    left = (instrument.expiry - day).days
    when = {0: "today", 1: "tomorrow"}.get(left, f"in {left} days")
    leave = days_to_leave([instrument], day).get(instrument.pk)
    said = f"{instrument.expiry:%a} {instrument.expiry.day} {instrument.expiry:%b}, {when}"
    if leave:
        return line("Expiry", f"{said}; leave it by {leave.day} {leave:%b}, or it is delivered", "warn", "warn")
    return line("Expiry", said, "warn" if left <= 0 else "", "warn" if left <= 0 else "none")


def money_lines(
    signal: Signal, market: MarketView, stop: Decimal | None, *, only_closes: bool, judgements: Sequence[Judgement]
) -> list[Line]:
    """Return value, funds, charges and the loss to the stop; what cannot be told says why."""
    return [
        value_line(judgements),
        funds_line(judgements),
        charges_line(signal, market),
        line("Loss to the stop", "it only closes what is held: none is added")
        if only_closes
        else loss_line(signal, market, stop),
    ]


def value_line(judgements: Sequence[Judgement]) -> Line:
    values = [one.case.proposed.value for one in judgements]
    known = [value for value in values if value is not None]
    if not values or len(known) < len(values):
        return unknown("Value", "no price to value it by")
    return line("Value", f"{money_words(sum(known, Decimal(0)))} at the dearest")


def funds_line(judgements: Sequence[Judgement]) -> Line:
    opening = [one for one in judgements if not one.assessment.only_shrinks]
    if not opening:
        return line("Funds", "none: it closes what is held")
    exposure = opening[-1].case.exposure
    if exposure.required_funds is None:
        return unknown("Funds", "no margin or no price is known for it")
    return line("Funds", f"{money_words(exposure.required_funds)} of {money_words(exposure.available_funds)} free")


def charges_line(signal: Signal, market: MarketView) -> Line:
    price = likely_price(signal)
    if price is None:
        return unknown("Charges", "no price to reckon by")
    try:
        charges = order_charges(signal, Side(signal.side), price, market.freeze_quantity)
    except UnknownCharge as missing:
        return unknown("Charges", str(missing))
    taxes = charges.total - charges.brokerage
    parts = f"{rupees(charges.brokerage)} brokerage, {rupees(taxes)} taxes and fees"
    dp = "; the depository's comes with a sale from delivery" if _leaves_delivery(signal) else ""
    return line("Charges", f"about {rupees(charges.total)} at {plain(price)}: {parts}{dp}")


def _leaves_delivery(signal: Signal) -> bool:
    return signal.product == Product.CNC and signal.side == Side.SELL


def order_charges(signal: Signal, side: Side, price: Decimal, freeze: int | None) -> Charges:
    """Return what its orders are charged if all of it trades at one price. Raises UnknownCharge."""
    instrument, day = signal.instrument, signal.market_time.astimezone(IST).date()
    segment = segment_of(instrument.instrument_type, signal.product)
    card = rates_of(instrument.exchange).card_of(instrument.exchange, segment, day)
    cut = slice_quantity(signal.quantity, instrument.lot_size or 1, freeze)
    each = (card.order_charges(side, price * quantity).to_paisa() for quantity in cut)
    return sum(each, Charges())


def likely_price(signal: Signal) -> Decimal | None:
    """Return its limit; at market, what the other side asks now, or the last price."""
    if signal.order_type in NEEDS_PRICE:
        return signal.price
    other = signal.ask if signal.side == Side.BUY else signal.bid
    return signal.trigger_price or other or signal.reference_price


def worst_price(market: MarketView, signal: Signal) -> Decimal | None:
    """Return the worst price it may fill at: its limit, or what its market protection allows; None if not known."""
    if signal.order_type in NEEDS_PRICE:
        return signal.price
    seen = signal.trigger_price or signal.reference_price
    if seen is None or not market.tick_size:
        return None
    sign = 1 if signal.side == Side.BUY else -1
    try:
        return protected_price(seen, sign, slab_percent(market.protection, seen), market.tick_size)
    except UnknownProtection:
        return None


def loss_line(signal: Signal, market: MarketView, stop: Decimal | None) -> Line:
    """The most it loses if it fills at its worst and leaves at the stop, charges of both ways included."""
    name, worst = "Loss to the stop", worst_price(market, signal)
    if worst is None:
        return unknown(name, "no price it fills at is known")
    if stop is None:
        return unknown(name, f"name a planned stop; {_without_stop(signal, worst)}")
    sign = 1 if signal.side == Side.BUY else -1
    if (worst - stop) * sign <= 0:
        where = "below" if sign > 0 else "above"
        return line(name, f"a stop of this order stands {where} {plain(worst)}", "fault", "cross")
    try:
        into = order_charges(signal, Side(signal.side), worst, market.freeze_quantity)
        out = order_charges(signal, Side.SELL if sign > 0 else Side.BUY, stop, market.freeze_quantity)
    except UnknownCharge as missing:
        return unknown(name, str(missing))
    loss = (worst - stop) * sign * signal.quantity + into.total + out.total
    return line(name, f"{money_words(loss)}, from {plain(worst)} to {plain(stop)} with charges; a gap may take more")


def _without_stop(signal: Signal, worst: Decimal) -> str:
    if signal.side == Side.BUY and signal.instrument.instrument_type != "FUT":
        return f"without one all of it, {money_words(worst * signal.quantity)}"
    return "without one it has no bound"


def closing_lines(own_held: int, own: int, choices: Iterable[Choice], sign: int) -> list[Line]:
    """Return whose holdings an order of that sign would close, the person's own first."""
    verb = "buys back" if sign > 0 else "sells"
    lines = [line("By hand", f"{verb} {whole(own)} of your {whole(abs(own_held))}")] if own else []
    for one in choices:
        words = f"holds {whole(one.held)}, {whole(one.closable)} of it may be closed; you are asked whether it is"
        lines.append(line(one.deployment.name, words, "warn", "warn"))
    return lines or [line("Nobody's", f"it closes nothing that is held: it opens {_direction(sign)}")]


def _direction(sign: int) -> str:
    return "a long" if sign > 0 else "a short"
