"""What happened is told in a sentence; a kind nobody foresaw is told as it was written."""

from typing import Any

import pytest

from alphapanda.core.journal.models import Event
from alphapanda.dashboard.panels.live.events import event_sentence

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
        {"closed": 65, "value": "120.35", "final_price": "24120.35"},
        "Expired: 65 NFO:NIFTY26NOV24000CE at 120.35, the underlying at 24120.35",
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
    ("moon.rose", "full", {}, "Moon rose: full"),
]


@pytest.mark.parametrize(("kind", "key", "payload", "words"), TOLD)
def test_each_kind_has_its_sentence(kind: str, key: str, payload: dict[str, Any], words: str) -> None:
    assert event_sentence(Event(kind=kind, key=key, payload=payload), None)[2] == words
