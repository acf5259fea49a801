"""Rules the exchange itself would hold us to; they apply to every order, exits too."""

from __future__ import annotations

from decimal import Decimal
from functools import partial
from typing import Protocol

import msgspec

from alphapanda.core import figures
from instruments.domain.order_terms import TAKES_MARKET, OrderType, Product, Validity, price_problems, takes_sl_m
from instruments.domain.price_protection import limit_range, outside_limit_range
from instruments.domain.prices import ceil_to_tick, floor_to_tick
from instruments.domain.sessions import PhaseKind
from trading.risk.inputs import EQUITY_SEGMENTS
from trading.risk.verdicts import Case, Said, Verdict, bounded_by, not_asked, unknown_verdict, verdict_of

CONTINUOUS = PhaseKind.CONTINUOUS
# Our own choice: beyond it somebody has mistyped, or should work the order over time.
MOST_SLICES = 15
NO_FREEZE = "no freeze quantity known"


class AskedOrder(Protocol):
    """What an order asks, wherever it stands: before the gate, or at the paper exchange's door."""

    @property
    def order_type(self) -> str: ...
    @property
    def validity(self) -> str: ...
    @property
    def price(self) -> Decimal | None: ...
    @property
    def trigger_price(self) -> Decimal | None: ...
    @property
    def market_protection(self) -> Decimal | None: ...
    @property
    def sign(self) -> int: ...


def form_problem(order: AskedOrder, *, takes_sl_m: bool) -> str:
    """Return what does not go together in an order, in words; empty if all does (kite.md 2.3)."""
    kind = order.order_type
    if kind not in OrderType.__members__.values():
        return f"{kind} is no order type: use {', '.join(OrderType)}"
    if problems := price_problems(kind, price=order.price, trigger_price=order.trigger_price):
        return next(iter(problems.values())).removesuffix(".")
    if kind == OrderType.SL_M and not takes_sl_m:
        return "SL-M is not taken for options or on BSE: use SL"
    if kind in TAKES_MARKET and not order.market_protection:
        return f"{kind} needs market protection: a percent, or −1 for automatic"
    if order.validity not in Validity.__members__.values():
        return f"{order.validity} is no validity: use DAY or IOC"
    if order.validity == Validity.IOC and order.trigger_price:
        return "IOC is not taken for stops: use DAY"
    return ""


def stop_problem(order: AskedOrder, last: Decimal | None) -> str:
    """A stop to buy triggers above the market, and its limit is not below its trigger; a sell mirrors it."""
    trigger, limit = order.trigger_price, order.price
    if not trigger:
        return ""
    if limit and (limit - trigger) * order.sign < 0:
        return f"limit {figures.plain(limit)} is on the wrong side of trigger {figures.plain(trigger)}"
    if last and (trigger - last) * order.sign <= 0:
        return f"trigger {figures.plain(trigger)} would fire at once: last is {figures.plain(last)}"
    return ""


def in_session(case: Case) -> Verdict:
    """Orders go out in continuous trading only. Of an unknown day DAY_KNOWN speaks."""
    if not case.market.day_known:
        return unknown_verdict("today's session", CONTINUOUS)
    phase = case.market.phase or "closed"
    return verdict_of(phase == CONTINUOUS, phase, CONTINUOUS, f"{case.proposed.exchange} is in {phase}")


def is_tradable(case: Case) -> Verdict:
    yes = case.market.tradable
    words = f"{case.proposed.instrument} {'can' if yes else 'cannot'} be traded"
    return verdict_of(yes, "yes" if yes else "no", "listed, not an index", words)


def product_fits(case: Case) -> Verdict:
    """CNC is for shares and never short, NRML for derivatives, MIS for both."""
    order = case.proposed
    is_share = order.segment in EQUITY_SEGMENTS
    fitting = (Product.CNC, Product.MIS) if is_share else (Product.NRML, Product.MIS)
    if order.product not in fitting:
        words = f"{order.product} does not fit {order.segment}: use {' or '.join(fitting)}"
        return verdict_of(False, order.product, " or ".join(fitting), words)
    if order.product == Product.CNC and order.signed_quantity < 0:
        return _delivery_is_held(case)
    return verdict_of(True, order.product, " or ".join(fitting), f"{order.product} in {order.segment}")


def _delivery_is_held(case: Case) -> Verdict:
    if case.exposure.closable is None:
        return unknown_verdict("what is held for delivery")
    return bounded_by("sale of delivery shares", case.proposed.quantity, case.exposure.closable)


def order_type_fits(case: Case) -> Verdict:
    """Kite's order rules: kite.md 2.3; market protection is required since 1 Apr 2026."""
    order = case.proposed
    complaint = form_problem(order, takes_sl_m=takes_sl_m(order.exchange, order.segment)) or stop_problem(
        order, order.reference_price
    )
    shown = f"{order.order_type} {order.validity}"
    return verdict_of(not complaint, shown, "as the exchange allows", complaint or f"{shown} is allowed")


def whole_lots(case: Case) -> Verdict:
    size, wanted = case.market.lot_size, case.proposed.quantity
    if not size:
        return unknown_verdict("the lot size")
    fits = bool(wanted) and wanted % size == 0
    return Verdict(fits, partial(_say_lots, case.proposed.instrument, wanted, size, fits))


def _say_lots(instrument: str, wanted: int, size: int, fits: bool) -> Said:
    shown, below = figures.whole(wanted), wanted - wanted % size
    if fits:
        return Said(shown, f"lots of {size}", f"{shown} is {wanted // size} lots of {size}")
    choice = " or ".join(figures.whole(n) for n in (below, below + size) if n)
    return Said(shown, f"lots of {size}", f"{instrument} trades in lots of {size}: use {choice}")


def on_tick(case: Case) -> Verdict:
    prices = [p for p in (case.proposed.price, case.proposed.trigger_price) if p]
    size = case.market.tick_size
    if not prices:
        return not_asked("no price to check")
    if not size:
        return unknown_verdict("the tick size")
    off = [p for p in prices if p % size]
    return Verdict(not off, partial(_say_tick, (off or prices)[0], size))


def _say_tick(price: Decimal, size: Decimal) -> Said:
    below, above = floor_to_tick(price, size), ceil_to_tick(price, size)
    shown, tick = _to_the_digit(price), _to_the_digit(size)
    words = f"price {shown} is on the tick of {tick}"
    if below != above:
        nearest = " or ".join(figures.plain(one) for one in (below, above) if one > 0)
        words = f"price {shown} is off the tick of {tick}: {nearest}"
    return Said(shown, f"ticks of {tick}", words)


def _to_the_digit(value: Decimal) -> str:
    """As it was asked, to its last digit and at least to the paisa; a column's zeros say nothing."""
    exact = value.normalize()
    return f"{exact:f}" if exact.as_tuple().exponent < -2 else f"{exact:.2f}"  # type: ignore[operator]  # finite


def within_freeze(case: Case) -> Verdict:
    """More than the exchange takes at once goes in slices, up to a number that no plan of ours needs."""
    freeze = case.market.freeze_quantity
    if freeze is None:
        shown = partial(figures.whole, case.proposed.quantity)
        return Verdict(True, lambda: Said(shown(), "—", NO_FREEZE), skipped=NO_FREEZE)
    verdict = bounded_by("orders of at most the freeze quantity", len(case.slices), MOST_SLICES)
    if not verdict.passed:
        return verdict
    return msgspec.structs.replace(verdict, say=partial(_say_slices, verdict, case.slices, freeze))


def _say_slices(verdict: Verdict, cut: tuple[int, ...], freeze: int) -> Said:
    words = f"{' + '.join(map(figures.whole, cut[:MOST_SLICES]))}; {figures.whole(freeze)} at once"
    return verdict.say()._replace(words=words)


def within_band(case: Case) -> Verdict:
    """The ticker does not carry the band, so an unknown one is the exchange's to judge."""
    if case.shrinks:
        # Bands of shares with derivatives widen in the day: an old one must not keep anybody in.
        return not_asked("only shrinks; the exchange decides")
    low, high = case.market.band_low, case.market.band_high
    prices = [p for p in (case.proposed.price, case.proposed.trigger_price) if p]
    if low is None or high is None or not prices:
        return not_asked("no price to check" if not prices else "band unknown; the exchange decides")
    outside = [p for p in prices if not low <= p <= high]
    return Verdict(
        not outside, partial(_say_range, "price", (outside or prices)[0], "the band", (low, high), not outside)
    )


def within_limit_range(case: Case) -> Verdict:
    """The exchange's limit price protection for futures and options; a stop's limit is checked when it triggers."""
    order, last = case.proposed, case.proposed.reference_price
    if order.price is None or order.trigger_price or last is None:
        return not_asked("no limit to check" if last else "last price unknown; the exchange decides")
    allowed = limit_range(order.protection, last)
    if allowed is None:
        return not_asked("shares have none; the day's band bounds them")
    passed = not outside_limit_range(order.price, order.sign, allowed)
    return Verdict(passed, partial(_say_range, "limit", order.price, "the exchange's range", allowed, passed))


def _say_range(what: str, price: Decimal, whose: str, bounds: tuple[Decimal, Decimal], passed: bool) -> Said:
    shown, bound = figures.plain(price), f"{figures.plain(bounds[0])} to {figures.plain(bounds[1])}"
    return Said(shown, bound, f"{what} {shown} is {'inside' if passed else 'outside'} {whose} {bound}")


def not_duplicate(case: Case) -> Verdict:
    same = case.exposure.identical_live_intents
    return bounded_by("the same intent live already", same, 0)
