"""The verdict: the worst thing is the headline, the next one the second line."""

import pytest

from alphapanda.dashboard.panels.live.verdict import Facts, Line, make_verdict

SILENT = (Line("Sell 65 NIFTY: no reply for 6 s", "/orders/1/", "Its story"),)
TROUBLE = (Line("Momentum halted: it raised", "/strategies/1/", "Look"),)
BY_SEVERITY = [
    {"halted": "Halted by mehta at 14:20."},
    {"no_prices_for": "2 min"},
    {"stuck_shards": (("kite-0", "RuntimeError: no candle today, for 3 s"),)},
    {"differing_books": ("SBIN",)},
    {"reduce_only": "Reduce only by mehta."},
    {"needs_person": SILENT},
    {"unconfirmed": SILENT},
    {"silent_processes": ("ticks@desk: silent for 20 s",)},
    {"dead_letters": 1},
    {"full_limits": (("Daily loss", "15,000 of 15,000 used"),)},
    {"stale_prices": ("SBIN",)},
    {"near_limits": (("Gross exposure", "10.15 L of 12.50 L used"),)},
    {"trouble": TROUBLE},
]


@pytest.mark.parametrize("worse", range(len(BY_SEVERITY) - 1))
def test_each_trouble_is_said_before_the_lesser_ones(worse: int) -> None:
    alone = make_verdict(Facts(**BY_SEVERITY[worse]))
    both = make_verdict(Facts(**{**BY_SEVERITY[worse], **BY_SEVERITY[worse + 1]}))
    assert both["headline"] == alone["headline"]


@pytest.mark.parametrize("trouble", BY_SEVERITY)
def test_no_trouble_is_all_right(trouble: dict[str, object]) -> None:
    assert make_verdict(Facts(**trouble))["headline"] != "All right."


def test_one_silent_order_is_named_with_its_story() -> None:
    told = make_verdict(Facts(unconfirmed=SILENT, trouble=TROUBLE))
    assert told["headline"] == "All right, except one order."
    assert told["lines"][0]["link"] == "Its story"
    assert told["lines"][1]["text"] == "One strategy needs a look."


def test_all_right_names_what_was_looked_at() -> None:
    told = make_verdict(Facts(running=4))
    assert (told["headline"], told["tone"]) == ("All right.", "")
    assert "4 strategies running" in told["lines"][0]["text"]


def test_a_closed_market_says_when_it_opens_and_what_is_held() -> None:
    told = make_verdict(Facts(closed="Opens Mon 23 Nov at 09:15", positions_words="Flat.", net_words="Net +₹7,241.22."))
    assert told["headline"] == "Market closed."
    assert told["lines"][0]["text"] == "Opens Mon 23 Nov at 09:15. Flat. Net +₹7,241.22."


def test_dead_prices_name_the_open_positions() -> None:
    told = make_verdict(Facts(no_prices_for="2 min", open_positions=6))
    assert told["headline"] == "Not trading: no prices for 2 min."
    assert told["lines"][0]["text"].startswith("6 positions open.")
