"""Stops and targets: when a price touches one, which way protects, which side of the price is right."""

from decimal import Decimal

from alphapanda.core.figures import plain as money
from instruments.domain.prices import ceil_to_tick, floor_to_tick
from trading.strategies.values import InstrumentSpec, Reason


def is_stopped(quantity: int, stop: Decimal | None, price: Decimal) -> bool:
    return stop is not None and (price <= stop if quantity > 0 else price >= stop)


def is_at_target(quantity: int, target: Decimal | None, price: Decimal) -> bool:
    return target is not None and (price >= target if quantity > 0 else price <= target)


def protects_more(quantity: int, stop: Decimal, new_stop: Decimal) -> bool:
    """Whether ``new_stop`` loses less than ``stop`` does, if it is touched."""
    return new_stop > stop if quantity > 0 else new_stop < stop


def on_tick_away(stop: Decimal, is_long: bool, spec: InstrumentSpec) -> Decimal:
    """Round a stop to the tick on the side away from the position's price."""
    return floor_to_tick(stop, spec.tick_size) if is_long else ceil_to_tick(stop, spec.tick_size)


def wrong_side(is_long: bool, price: Decimal, stop: Decimal, target: Decimal | None) -> Reason | None:
    """Return why this stop or target cannot go with an entry at ``price``; None if it can."""
    if stop >= price if is_long else stop <= price:
        return level_misplaced("stop", stop, "below" if is_long else "above", price)
    if target is not None and (target <= price if is_long else target >= price):
        return level_misplaced("target", target, "above" if is_long else "below", price)
    return None


def level_misplaced(name: str, level: Decimal, where: str, price: Decimal) -> Reason:
    words = f"{name} {money(level)} is not {where} the price {money(price)}; not entered"
    return Reason(words, {name: str(level), "price": str(price)}, f"{name}_misplaced")


def level_touched(name: str, level: Decimal, price: Decimal) -> Reason:
    """Return the reason for an exit: ``name`` is "stop" or "target"."""
    words = f"{name} {money(level)} touched: last {money(price)}"
    return Reason(words, {name: str(level), "last": str(price)}, name)


def stop_stays(stop: Decimal, wanted: Decimal) -> Reason:
    words = f"stop stays at {money(stop)}; {money(wanted)} would protect less"
    return Reason(words, {"stop": str(stop), "wanted": str(wanted)}, "stop_stays")
