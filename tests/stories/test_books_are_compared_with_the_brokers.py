"""Our books against the broker's: a difference freezes its instrument and never trades; an exit never makes a short."""

from datetime import timedelta
from io import StringIO

import pytest
from django.core.management import call_command
from django.core.management.base import CommandError

from alphapanda.core.journal.models import Event
from alphapanda.dashboard import panels
from portfolio.models import Position
from tests.stories.live import NAME
from tests.stories.pipeline import make_instrument
from trading.brokers import standing
from trading.models import BookDifference, BrokerStanding, Order, SeenTrade
from trading.orders import readings
from trading.orders.closable import Holdings
from trading.orders.holdings import read_holdings
from trading.orders.life_cycle import BrokerState
from trading.orders.reconciliation import is_frozen


@pytest.fixture
def holding(live, monkeypatch):
    """Three shares held, and every reading compares."""
    monkeypatch.setattr(readings, "_comparison_due", lambda account: True)
    live.buy(3, product="MIS")
    live.until_state("filled")
    live.look()
    return live


def compared(live, times=2):
    for _ in range(times):
        readings.read_and_book(live.account.pk)


def hand(live, side, quantity, **more):
    """The owner trades in Kite, and it is seen."""
    before = SeenTrade.objects.count()
    live.by_their_hand(side, quantity, **more)
    live.until(lambda: SeenTrade.objects.count() > before, "the owner's trade is seen")


def says(live, quantity):
    """The broker's positions say so much of what is held, and no trade tells why."""
    live.sim.clear_faults()
    told = live.sim.ask("GET", "/portfolio/positions", headers=live.headers())["data"]
    [row] = [row for row in told["net"] if row["tradingsymbol"] == "INFY"]
    row["quantity"] = quantity
    live.sim.fault("wrong_data", method="GET", path="/portfolio/positions", data=told)


def test_what_no_trade_explains_freezes_the_instrument_and_shows_both_numbers(holding):
    says(holding, 5)
    compared(holding)
    row = BookDifference.objects.get()
    assert (row.ours, row.theirs, row.quantity) == (3, 5, 2)
    assert Event.objects.filter(kind="broker.differs", payload={"ours": 3, "theirs": 5}).count() == 1
    refused = holding.buy(1, product="MIS")
    holding.work()
    refused.refresh_from_db()
    assert refused.decision.refusal_codes == ["BOOKS"]
    holding.sim.clear_faults()
    compared(holding)
    assert Event.objects.filter(kind="broker.agrees").count() == 1
    holding.look()
    holding.buy(1, product="MIS")
    holding.until(lambda: Position.objects.get().quantity == 4)


def test_another_instrument_is_not_frozen_with_it(holding):
    says(holding, 5)
    compared(holding)
    tcs = make_instrument(token=2953217, symbol="TCS")
    assert (is_frozen(holding.account, holding.infy), is_frozen(holding.account, tcs)) == (True, False)


def test_what_the_broker_lacks_is_not_sold(holding):
    says(holding, 0)
    compared(holding, 1)
    assert closable(holding) == 0
    compared(holding, 1)
    holding.buy(3, side="SELL", product="MIS")
    for _ in range(3):
        holding.work()
    assert [call["params"]["transaction_type"] for call in holding.sent(accepted=True)] == ["BUY"]


def test_a_person_lets_exits_pass_this_difference_and_no_other(holding):
    says(holding, 0)
    compared(holding, 1)
    out = StringIO()
    call_command("allow_exits", NAME, "nse:infy", "mis", "--by", "tests", stdout=out)
    assert "Exits pass NSE:INFY MIS: 3 here, 0 at the broker" in out.getvalue()
    assert closable(holding) == 3
    says(holding, 1)
    compared(holding, 1)
    assert closable(holding) == 1
    says(holding, 0)
    compared(holding, 1)
    BookDifference.objects.update(allowed_at=holding.now - timedelta(days=1))
    assert closable(holding) == 0


def test_where_the_books_agree_there_is_nothing_to_allow(holding):
    with pytest.raises(CommandError, match=r"No difference of NSE:TCS MIS is known\. Differences: none"):
        call_command("allow_exits", NAME, "NSE:TCS", "MIS")
    says(holding, 0)
    compared(holding, 1)
    holding.sim.clear_faults()
    compared(holding, 1)
    with pytest.raises(CommandError, match="our books and the broker's agree on INFY"):
        call_command("allow_exits", NAME, "NSE:INFY", "MIS")


def test_of_what_the_broker_has_in_part_that_part_may_be_sold(holding):
    says(holding, 2)
    compared(holding, 1)
    assert closable(holding) == 2


def test_what_another_day_showed_holds_no_exit_back(holding):
    says(holding, 2)
    compared(holding, 1)
    BookDifference.objects.update(last_seen_at=holding.now - timedelta(days=1))
    assert closable(holding) == 3


def test_what_the_broker_has_more_of_holds_nothing_back(holding):
    says(holding, 7)
    compared(holding, 1)
    assert closable(holding) == 3


def closable(live):
    holdings: Holdings = read_holdings(live.account.pk, live.infy.pk, "MIS", live.now)
    return holdings.closable(Position.objects.get().portfolio_id, -1)


def test_a_second_comparison_changes_nothing_and_is_not_told_again(holding):
    says(holding, 5)
    compared(holding, 5)
    assert Event.objects.filter(kind__startswith="broker.").count() == 1
    assert Position.objects.get().quantity == 3
    assert len(holding.sent()) == 1


def test_orders_of_another_installation_end_new_risk(holding):
    holding.by_their_hand("BUY", 1, tag="APZZZZZZZZZZZZZZ")
    holding.until(lambda: BrokerStanding.objects.exists(), "it is seen")
    row = BrokerStanding.objects.get()
    assert row.state == "exits_only"
    assert row.reason == "orders of another installation are on this account: APZZZZZZZZZZZZZZ"


def test_two_orders_with_one_tag_end_new_risk(holding):
    holding.by_their_hand("BUY", 3, tag=Order.objects.get().tag)
    holding.until(lambda: BrokerStanding.objects.exists(), "it is seen")
    assert "two orders at the broker carry the tag" in BrokerStanding.objects.get().reason


def test_an_order_that_only_carries_our_tag_is_not_taken_for_ours(holding):
    holding.by_their_hand("SELL", 1, tag=Order.objects.get().tag)
    holding.until(lambda: BrokerStanding.objects.exists(), "it is seen")
    assert BrokerStanding.objects.get().reason.endswith("but is of -1, not 3")
    assert Order.objects.get().filled_quantity == 3


def test_the_page_says_both_numbers_and_why_a_broker_takes_nothing(holding):
    says(holding, 5)
    compared(holding)
    said = panels.live_snapshot(None)
    assert said["verdict"]["headline"] == "Our books and the broker's differ."
    assert "INFY MIS (Zerodha A) +3 here, +5 there" in said["verdict"]["lines"][0]["text"]
    assert [fact["value"] for fact in said["facts"] if fact["key"] == "books"] == ["Differ"]
    standing.restrict(holding.account, BrokerState.DOWN, standing.ADDRESS, "orders are not taken from this address")
    said = panels.live_snapshot(None)["verdict"]
    assert (said["headline"], said["lines"][0]["text"]) == (
        "A broker takes no new orders.",
        "Zerodha A: orders are not taken from this address",
    )
