"""What the gate refused, as struck rows among the orders; those of one kind that follow one another are one row."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from itertools import groupby
from uuid import UUID

from alphapanda.core.figures import iso
from alphapanda.dashboard.panels.context import PageContext
from alphapanda.dashboard.panels.naming import side_word, symbol_of, tail_of
from alphapanda.dashboard.panels.orders.rows import OrderRow, price_words
from trading.models import Order, Signal

REFUSED, REFUSED_WORDS = "refused", "Refused"
WITH = ("instrument", "account", "deployment")


def code_and_words(signal: Signal) -> tuple[str, str]:
    """MAX_GROSS and its sentence; a reason without a code is both."""
    code, _, words = signal.state_reason.partition(": ")
    return code, words or code


def in_kinds(signals: Iterable[Signal]) -> Iterator[list[Signal]]:
    """Yield what was refused alike and one after the other, newest first: whose, what, and by which rule."""
    for _, alike in groupby(signals, key=_kind_of):
        yield list(alike)


def among_orders(listed: Iterable[Order | Signal]) -> Iterator[Order | list[Signal]]:
    """Yield orders one by one, and what was refused between them by kind."""
    for kind, alike in groupby(listed, key=lambda one: _kind_of(one) if isinstance(one, Signal) else one.pk):
        found = list(alike)
        yield found if isinstance(kind, tuple) else found[0]  # type: ignore[misc]


def _kind_of(signal: Signal) -> tuple[UUID | None, UUID, str, str]:
    return signal.deployment_id, signal.instrument_id, signal.side, code_and_words(signal)[0]


def times_words(number: int) -> str:
    return f"× {number}" if number > 1 else ""


def refusal_as_order(page: PageContext, alike: list[Signal]) -> OrderRow:
    """One row of what was never ordered: struck, with the rule and its numbers below."""
    newest = alike[0]
    code, words = code_and_words(newest)
    return {
        "key": f"refused {alike[-1].pk}",
        "at": iso(newest.market_time),
        "side": side_word(newest.side),
        "quantity": newest.quantity,
        "symbol": symbol_of(newest.instrument),
        "tail": tail_of(newest.instrument),
        "product": newest.product,
        "price": price_words(newest),
        "from_last": "",
        "state": f"{REFUSED_WORDS} {times_words(len(alike))}".strip(),
        "icon": "struck",
        "tone": "",
        "lane": "refused done",
        "second": f"{code}: {words}",
        "mode": page.mode_of(newest.account),
        "badge": False,
        "by": str(newest.deployment) if newest.deployment else "by hand",
        "story": "",
        "story_only": False,
        "story_words": "",
        "cancel": None,
        "cancel_words": "",
        "needs": "",
        "tag": "",
    }
