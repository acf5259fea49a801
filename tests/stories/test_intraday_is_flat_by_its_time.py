"""Everything intraday is left by its time, on the market's clock: by hand too, and where the feed says nothing."""

from datetime import timedelta

import pytest

from alphapanda.core.clock.services import set_market_time
from market.subscriptions import subscribe_instrument
from portfolio.models import Account, Position
from tests.stories.pipeline import at, make_instrument
from trading.exits import flat_by
from trading.exits.by_hand import place_by_hand
from trading.exits.flat_by import exit_what_is_due, kept_on_purpose
from trading.models import ExitPlan, Signal


def held() -> dict[str, int]:
    return {p.portfolio.name or "By hand": p.quantity for p in Position.objects.open().select_related("portfolio")}


@pytest.fixture
def by_hand(watched):
    """Ten shares bought intraday by hand."""
    watched.play("1500.00")
    place_by_hand(watched.account, watched.infy, "BUY", 10, "MARKET", "MIS", by="tests")
    watched.play("1500.00", "1500.00")
    assert held() == {"By hand": 10}
    return watched


def to_time(pipeline, clock):
    """Let market time pass without a word from the feed."""
    pipeline.now = at(clock)
    set_market_time(pipeline.now, 0)


def test_intraday_by_hand_is_left_at_the_accounts_time(by_hand):
    to_time(by_hand, "15:04:59")
    assert exit_what_is_due(by_hand.now) == 0
    to_time(by_hand, "15:05:00")
    assert exit_what_is_due(by_hand.now) == 1
    by_hand.play("1500.00", "1500.00", "1500.00")
    assert (held(), exit_what_is_due(by_hand.now)) == ({}, 0)


def test_the_position_of_a_run_is_left_where_its_feed_is_silent(pipeline):
    pipeline.trade("1505.00", "1499.00", "1500.00", "1500.00", strategy="test-buys-once", name="A")
    to_time(pipeline, "15:05:04")
    assert exit_what_is_due(pipeline.now) == 0  # its run has the first word
    to_time(pipeline, "15:05:05")
    assert exit_what_is_due(pipeline.now) == 1
    assert ExitPlan.objects.get().reason == "flat by 15:05"
    pipeline.play("1500.00", "1500.00", "1500.00")
    assert (held(), ExitPlan.objects.filter(finished_at=None).exists()) == ({}, False)


def test_delivery_is_kept(watched):
    watched.play("1500.00")
    watched.buy(10)
    watched.play("1500.00", "1500.00")
    to_time(watched, "15:10:00")
    assert exit_what_is_due(watched.now) == 0


def test_nothing_is_asked_on_a_day_without_a_session(by_hand):
    by_hand.now = at("15:05:00") + timedelta(days=1)  # a holiday
    set_market_time(by_hand.now, 0)
    assert exit_what_is_due(by_hand.now) == 0


def test_what_was_carried_over_a_night_is_left_at_the_next_open(by_hand):
    by_hand.now = at("09:15:00") + timedelta(days=2)
    set_market_time(by_hand.now, 0)
    assert exit_what_is_due(by_hand.now) == 1


def test_an_owner_who_switched_it_off_is_warned(by_hand):
    Account.objects.update(flat_by=None)
    to_time(by_hand, "14:59:59")
    assert kept_on_purpose(by_hand.now) == []
    to_time(by_hand, "15:05:00")
    assert (exit_what_is_due(by_hand.now), len(kept_on_purpose(by_hand.now))) == (0, 1)


def test_fresh_intraday_ends_at_or_before_flat_by(by_hand):
    Account.objects.update(flat_by="14:30")
    by_hand.account.refresh_from_db()
    by_hand.now = at("14:29:58")
    by_hand.play("1500.00")
    place_by_hand(by_hand.account, by_hand.infy, "BUY", 1, "MARKET", "MIS", by="tests")
    by_hand.quiesce()
    by_hand.play("1500.00")
    place_by_hand(by_hand.account, by_hand.infy, "BUY", 2, "MARKET", "MIS", by="tests")
    by_hand.quiesce()
    assert list(Signal.objects.order_by("id").values_list("quantity", "state"))[1:] == [(1, "ordered"), (2, "denied")]


def test_one_that_cannot_be_left_keeps_no_other_in(by_hand, monkeypatch):
    tcs = make_instrument(token=333 * 256 + 1, symbol="TCS")
    subscribe_instrument(by_hand.feed, tcs, "full", ref="watchlist")
    by_hand.restart()
    by_hand.tick("3000.00", token=tcs.instrument_token)
    by_hand.quiesce()
    place_by_hand(by_hand.account, tcs, "BUY", 5, "MARKET", "MIS", by="tests")
    for _ in range(2):
        by_hand.tick("3000.00", token=tcs.instrument_token)
        by_hand.quiesce()
    to_time(by_hand, "15:05:00")
    real = flat_by.exit_holding

    def broken_for_infy(position, *args, **kwargs):
        if position.instrument == by_hand.infy:
            raise KeyError("broken")
        return real(position, *args, **kwargs)

    monkeypatch.setattr(flat_by, "exit_holding", broken_for_infy)
    with pytest.raises(ExceptionGroup):
        exit_what_is_due(by_hand.now)
    assert ExitPlan.objects.get().instrument == tcs
