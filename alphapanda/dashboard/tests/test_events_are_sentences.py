"""What happened is told in a sentence; a kind nobody foresaw is told as it was written."""

import re
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from alphapanda.core.journal.models import Event
from alphapanda.dashboard.panels.live.events import PLAIN, QUIET, SENTENCES, event_sentence, when_words
from alphapanda.dashboard.tests.conftest import DAY, NOW
from instruments.models import Instrument
from trading.models import Order

ROOT = Path(__file__).resolve().parents[3]
FAMILIES = {*SENTENCES, "order", "deployment"}

TOLD = [
    ("account.opened", "Desk A", {}, "Account Desk A opened"),
    (
        "books.differ",
        "Desk A",
        {"count": 2, "first": []},
        "Books of Desk A differed in 2 places and were made anew from the trades",
    ),
    (
        "instruments.refused",
        "x",
        {"problems": ["NSE.csv row 7: no lot size"]},
        "Instruments not loaded: NSE.csv row 7: no lot size",
    ),
    ("feed.gap", "kite-0", {"words": "12 entries are missing"}, "Feed kite-0: 12 entries are missing"),
    (
        "signal.denied",
        "x",
        {"signal": "enter: sell 105 RELIANCE", "reason": "MAX_NET: too much"},
        "Refused: sell 105 RELIANCE, MAX_NET",
    ),
    ("gate.changed", "everything", {"to": "halted", "by": "mehta", "reason": ""}, "Gate halted, by mehta"),
    ("dead_letter.opened", "x", {"task": "assess_signals"}, "Given up after three attempts: assess_signals"),
    ("money.moved", "Desk A", {"amount": "-150000"}, "Money moved in Desk A: \u2212\u20b91,50,000.00"),
    (
        "position.expired",
        "NFO:NIFTY26NOV24000CE",
        {"closed": 65, "value": "120.3500", "final_price": "24120.3500"},
        "Expired: +65 NFO:NIFTY26NOV24000CE at 120.35, the underlying at 24,120.35",
    ),
    (
        "instrument.renamed",
        "NSE:ETERNAL",
        {"from": "NSE:ZOMATO", "to": "NSE:ETERNAL", "by": "the dump"},
        "NSE:ZOMATO is NSE:ETERNAL now, said the dump",
    ),
    (
        "position.adjusted",
        "NSE:INFY",
        {"ratio": "1 → 5", "from": 10, "to": 50},
        "NSE:INFY is 1 → 5: 10 held became 50",
    ),
    (
        "exit.opened",
        "manual:x",
        {"instrument": "INFY", "reason": "stop 1,484.00 touched: last 1,480.00"},
        "Leaving INFY: stop 1,484.00 touched: last 1,480.00",
    ),
    (
        "exit.needs_person",
        "x",
        {"instrument": "INFY", "words": "3 held back"},
        "The exit of INFY needs you: 3 held back",
    ),
    ("exit.finished", "x", {"instrument": "INFY", "words": "flat"}, "The exit of INFY is over: flat"),
    ("exit.withdrawn", "x", {"instrument": "INFY", "by": "mehta"}, "Stays in INFY: the exit was taken back, by mehta"),
    (
        "shard.caught_up",
        "kite-0",
        {"words": "it reads on from 10:27:40, after 61 s"},
        "kite-0 stood still: it reads on from 10:27:40, after 61 s",
    ),
    ("limits.changed", "x", {"of": "Desk A", "by": "mehta", "limits": {}}, "Limits of Desk A changed by mehta"),
    ("moon.rose", "full", {}, "Moon rose: full"),
]


CHANGES = [
    ("order.modified", {"price": "1458.00", "refusal": ""}, "Sell 10 INFY: works at 1,458.00"),
    ("order.modified", {"price": "1458.00", "refusal": "too often"}, "Sell 10 INFY: change refused. too often"),
    ("order.cancel_requested", {"by": "mehta"}, "Sell 10 INFY: asked to cancel"),
    (
        "order.awaits_trades",
        {"ended_as": "cancelled", "awaited": 4},
        "Sell 10 INFY: cancelled, trades to come. Its broker says more is filled than is booked: 4 to come",
    ),
]


@pytest.mark.parametrize(("kind", "payload", "words"), CHANGES)
def test_what_happens_to_an_order_in_its_state_is_told_with_the_order(
    kind: str, payload: dict[str, Any], words: str
) -> None:
    order = Order(side="SELL", quantity=10, instrument=Instrument(tradingsymbol="INFY", exchange="NSE"))
    assert event_sentence(Event(kind=kind, key="APX", payload=payload), order)[2] == words


def test_every_kind_that_is_recorded_has_its_sentence() -> None:
    """None is shown as it was written: read off the code."""
    rooms = ("instruments", "market", "portfolio", "trading")
    files = [path for room in rooms for path in (ROOT / room).rglob("*.py") if "tests" not in path.parts]
    kinds = {kind for path in files for kind in re.findall(r'"([a-z_]+\.[a-z_]+)"', recording(path.read_text()))}
    assert len(kinds) > 15
    assert {kind for kind in kinds if kind.partition(".")[0] not in FAMILIES and kind not in QUIET} <= set(PLAIN)


def recording(code: str) -> str:
    """What stands first in each call that records an event."""
    return " ".join(re.findall(r"record_(?:event|order)\((?:order,)?\s*([^,]+),", code))


@pytest.mark.parametrize(("kind", "key", "payload", "words"), TOLD)
def test_each_kind_has_its_sentence(kind: str, key: str, payload: dict[str, Any], words: str) -> None:
    assert event_sentence(Event(kind=kind, key=key, payload=payload), None)[2] == words


@pytest.mark.parametrize(("at", "told"), [(NOW, "14:32:08"), (NOW - timedelta(days=1), "19 Nov")])
def test_an_event_of_another_day_stands_with_its_day(at: datetime, told: str) -> None:
    assert when_words(at, DAY) == told
