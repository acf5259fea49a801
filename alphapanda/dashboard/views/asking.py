"""Waits a moment with a person who has asked for an order: for its first price, and for what the gate says."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterable

from alphapanda.core.clock import market_now
from instruments.models import Instrument
from market.board import read_quotes
from trading.models import Signal
from trading.orders.life_cycle import SignalState

# A page that answers later than this is felt to hang; what is not there by then is said so.
GATE_SECONDS, PRICE_SECONDS = 2.0, 3.0
LOOK_SECONDS = 0.05


def await_price(instrument: Instrument) -> bool:
    """Wait for the first price of an instrument that was just subscribed; False if none came."""
    return _until(lambda: bool(read_quotes([instrument], market_now())), PRICE_SECONDS)


def await_answers(signals: Iterable[Signal]) -> list[Signal]:
    """Wait until the gate has judged them, or long enough; returns them as they stand."""
    asked = Signal.objects.filter(pk__in=[signal.pk for signal in signals])
    _until(lambda: not asked.filter(state=SignalState.NEW).exists(), GATE_SECONDS)
    return list(asked.order_by("pk"))


def _until(is_so: Callable[[], bool], seconds: float) -> bool:
    deadline = time.monotonic() + seconds
    while not is_so():
        if time.monotonic() >= deadline:
            return False
        time.sleep(LOOK_SECONDS)
    return True
