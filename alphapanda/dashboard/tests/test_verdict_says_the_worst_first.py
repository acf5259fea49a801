"""The verdict: the worst thing is the headline, the next one the second line."""

from datetime import date, timedelta
from decimal import Decimal

import pytest

from alphapanda.core.clock.services import set_market_time
from alphapanda.dashboard.panels.live.page import live_snapshot
from alphapanda.dashboard.panels.live.verdict import Facts, Line, make_verdict
from alphapanda.dashboard.tests.conftest import DAY, NOW, PHASES, share
from instruments.models import Instrument, RenameQuestion, TradingSession
from portfolio.booking import TradeReport, book_trade

SILENT = (Line("Sell 65 NIFTY: no reply for 6 s", "/orders/1/", "Its story"),)
TROUBLE = (Line("Momentum halted: it raised", "/strategies/1/", "Look"),)
BY_SEVERITY = [
    {"halted": "Halted by mehta at 14:20."},
    {"no_prices_for": "2 min"},
    {"stuck_shards": (("kite-0", "RuntimeError: no candle today, for 3 s"),)},
    {"stopped_brokers": (Line("Zerodha A: log in again"),)},
    {"differing_books": ("SBIN MIS (Zerodha A) +3 here, +5 there",)},
    {"reduce_only": "Reduce only by mehta."},
    {"needs_person": SILENT},
    {"unconfirmed": SILENT},
    {"renames": (Line("NSE:A went and NSE:B came", "/admin/", "Answer it"),)},
    {"to_leave": (Line("+400 INFY26NOVFUT: to be left by Fri 27 Nov", "/portfolio/", "Positions"),)},
    {"without_price": (Line("+65 NIFTY26NOV24000CE: not known yet", "/admin/", "Enter it"),)},
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


@pytest.fixture
def hold(account):
    """Hold 400 of a future of this underlying that expires on the day told; the calendar knows 20 and 23 Nov."""
    for day in (date(2026, 11, 20), date(2026, 11, 23)):
        TradingSession.objects.get_or_create(
            exchange="NFO", security_class="derivative", day=day, defaults={"phases": PHASES, "source": "test"}
        )

    # In the evening: prices that do not come are no trouble then.
    set_market_time(NOW + timedelta(hours=3), 1.0)

    def book(underlying: str, expiry: date) -> None:
        future = share(f"{underlying}26NOVFUT", 70_002)
        facts = {"exchange": "NFO", "segment": "NFO-FUT", "instrument_type": "FUT", "name": underlying}
        Instrument.objects.filter(pk=future.pk).update(**facts, expiry=expiry)
        report = {"exchange": "NFO", "day": DAY, "trade_id": "1", "broker_order_id": "1", "order_tag": ""}
        report |= {"product": "NRML", "signed_quantity": 400, "price": Decimal(1500), "traded_at": NOW}
        book_trade(TradeReport(account_id=account.pk, portfolio_id=None, instrument_id=future.pk, **report))

    return book


def test_live_names_a_derivative_on_a_share_before_it_expires(hold, user) -> None:
    share("INFY", 408065)
    hold("INFY", date(2026, 11, 24))
    told = live_snapshot(user)["verdict"]
    assert told["headline"] == "1 position must be left before expiry."
    assert told["lines"][0]["text"] == (
        "+400 INFY26NOVFUT: a derivative on a share, to be left by Mon 23 Nov; physical delivery is not booked."
    )


def test_live_names_an_expired_contract_that_nobody_knows_the_final_price_of(hold, user) -> None:
    hold("NIFTY", date(2026, 11, 19))
    told = live_snapshot(user)["verdict"]
    assert told["headline"] == "1 expired position waits for the final price."
    assert told["lines"][0]["text"] == "+400 NIFTY26NOVFUT: what NSE:NIFTY 50 closed at is not known yet."


def test_live_asks_about_a_rename_of_what_is_held(hold, user) -> None:
    hold("NIFTY", date(2026, 11, 27))
    former = Instrument.objects.get()
    asked = {"former_symbol": "NFO:OLD", "successor_symbol": "NFO:NEW", "day": DAY, "why": "the strike was 2 and is 1"}
    RenameQuestion.objects.create(former=former, successor=share("NEW", 70_003), **asked)
    RenameQuestion.objects.create(former=share("TCS", 2953217), successor=share("X", 70_005), **asked)
    told = live_snapshot(user)["verdict"]
    assert told["headline"] == "Was it renamed?"
    assert told["lines"][0]["text"] == "NFO:OLD went and NFO:NEW came: the strike was 2 and is 1."
