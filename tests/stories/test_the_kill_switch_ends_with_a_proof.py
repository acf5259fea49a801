"""The last levels of the kill switch: what is not ours is cancelled too, and flat is what the broker's book says."""

from io import StringIO

import pytest
from django.core.management import call_command
from django.core.management.base import CommandError

from alphapanda.core.figures import clock_time
from alphapanda.core.journal.models import Event
from alphapanda.dashboard import panels
from portfolio.models import Position
from tests.stories.oracle import violations
from trading.exits.opening import flatten
from trading.models import BookReading, SeenOrder
from trading.orders import readings
from trading.orders.flatness import flatness_of
from trading.orders.requests import cancel_all


@pytest.fixture
def resting(live, monkeypatch):
    """An order of the owner's own, placed in Kite, that rests; every reading compares."""
    monkeypatch.setattr(readings, "_comparison_due", lambda account: True)
    low = str(live.last() - 20)
    live.by_their_hand("BUY", 5, order_type="LIMIT", price=low, market_protection="0")
    live.until(lambda: SeenOrder.objects.filter(state="open").exists(), "the owner's order is seen")
    return live


def is_cancelled(live):
    return SeenOrder.objects.get(tag="").state == "cancelled"


def test_cancel_all_cancels_what_is_not_ours_once(resting):
    assert cancel_all(None, "tests") == 1
    assert cancel_all(None, "tests") == 0
    resting.until(lambda: is_cancelled(resting), "cancelled at the broker")
    assert len(resting.sent("cancel")) == 1
    assert Event.objects.get(kind="broker.cancel_requested").payload["by"] == "tests"


def test_what_rests_of_the_owners_is_left_alone_otherwise(resting):
    for _ in range(3):
        resting.work()
    assert resting.sent("cancel") == []


def test_a_cancellation_without_effect_is_repeated_when_the_book_shows_that_it_rests(resting):
    resting.sim.fault("drop_before_accept", method="DELETE", count=1)
    cancel_all(resting.account, "tests")
    resting.work()
    assert resting.sent("cancel", accepted=True) == []
    row = SeenOrder.objects.get(tag="")
    SeenOrder.objects.update(cancel_sent_at=row.cancel_sent_at - readings.SHOWS_AFTER)
    resting.until(lambda: is_cancelled(resting), "cancelled at the broker")


def test_what_another_day_showed_resting_is_not_cancelled(resting):
    SeenOrder.objects.update(placed_at=resting.now.replace(day=resting.now.day - 1))
    assert cancel_all(None, "tests") == 0


def test_the_page_counts_it_before_the_level_is_pressed(resting):
    levels = {row["key"]: row for row in panels.live_snapshot(None)["kill_switch"]["levels"]}
    assert levels["cancel_all"]["words"] == "0 working, 1 not ours"
    assert "orders at a broker that are not ours" in levels["flatten"]["ask"]


def test_flatten_ends_with_what_the_broker_says_of_it(resting):
    resting.buy(3, product="MIS")
    resting.until_state("filled")
    resting.work()
    assert flatness_of(resting.account, resting.now).words.startswith(
        "1 position held, 1 order out, by its broker's book of "
    )
    flatten(None, "tests")
    resting.until(lambda: flatness_of(resting.account, resting.now).is_flat, "proven flat")
    assert (Position.objects.get().quantity, is_cancelled(resting)) == (0, True)
    words = f"flat by its broker's book of {clock_time(BookReading.objects.latest('id').market_time)}"
    assert flatness_of(resting.account, resting.now).words == words
    levels = {row["key"]: row["words"] for row in panels.live_snapshot(None)["kill_switch"]["levels"]}
    assert levels["flatten"] == f"nothing is held; Zerodha A: {words}"
    assert violations(resting) == []


def test_a_book_read_before_the_last_trade_proves_nothing(resting, monkeypatch):
    monkeypatch.setattr(readings, "_comparison_due", lambda account: False)
    resting.buy(3, product="MIS")
    resting.until_state("filled")
    assert flatness_of(resting.account, resting.now).is_flat is None


def test_what_the_broker_holds_and_we_do_not_is_not_flat(resting):
    cancel_all(None, "tests")
    resting.until(lambda: is_cancelled(resting), "cancelled at the broker")
    told = resting.sim.ask("GET", "/portfolio/positions", headers=resting.headers())["data"]
    row = {"exchange": "NSE", "tradingsymbol": "TCS", "product": "MIS", "quantity": 4}
    resting.sim.fault("wrong_data", method="GET", path="/portfolio/positions", data=told | {"net": [row]})
    resting.work()
    found = flatness_of(resting.account, resting.now)
    assert (found.is_flat, found.words.partition(", by")[0]) == (False, "TCS MIS +4 there")


def test_the_command_waits_for_a_book_read_since_and_says_what_lacks(resting, monkeypatch):
    name, out = resting.account.name, StringIO()
    flatten(resting.account, "tests")
    resting.until(lambda: is_cancelled(resting), "cancelled at the broker")
    assert flatness_of(resting.account, resting.now).is_flat
    with pytest.raises(CommandError, match=r"Not proven flat after 0 s\. Zerodha A: its broker's positions have not"):
        call_command("flatten", "--account", name, "--wait", "0", stdout=StringIO())
    monkeypatch.setattr("trading.management.commands.flatten.time.sleep", lambda seconds: resting.work())
    call_command("flatten", "--account", name, "--wait", "10", stdout=out)
    assert "Zerodha A: flat by its broker's book of " in out.getvalue()
