"""A derivative on a share is left on the trading day before it expires: its delivery is not booked."""

from datetime import date, time, timedelta
from decimal import Decimal

import pytest

from alphapanda.core.clock.services import set_market_time
from instruments.models import Instrument, TradingSession
from market.subscriptions import subscribe_instrument
from portfolio.models import Account, Position
from tests.stories.pipeline import DAY, at, make_instrument
from trading.exits.by_hand import place_by_hand
from trading.exits.flat_by import exit_what_is_due
from trading.models import ExitPlan, Signal

TOKEN = 46_000 * 256 + 2
WEDNESDAY = DAY + timedelta(days=2)  # the trading day after DAY, a Monday: Tuesday is a holiday
FUTURE = {"exchange": "NFO", "segment": "NFO-FUT", "instrument_type": "FUT", "has_derivatives": False, "lot_size": 10}


@pytest.fixture
def holding(watched):
    """A lot of INFY's future by hand, to be kept over night; it expires on Wednesday."""
    future = make_instrument(token=TOKEN, symbol="INFY26NOVFUT", name="INFY", expiry=WEDNESDAY, **FUTURE)
    subscribe_instrument(watched.feed, future, "full", ref="watchlist")
    watched.restart()
    play(watched, "1500.00")
    buy(watched)
    play(watched, "1500.00", "1500.00")
    assert Position.objects.get().quantity == 10
    return watched


def play(pipeline, *prices: str) -> None:
    pipeline.play(*prices, token=TOKEN)


def buy(pipeline) -> None:
    future = Instrument.objects.get(instrument_token=TOKEN)
    place_by_hand(pipeline.account, future, "BUY", 10, "MARKET", "NRML", by="tests")
    pipeline.quiesce()


def to_time(pipeline, clock: str, day: date = DAY) -> None:
    """Let market time pass without a word from the feed."""
    pipeline.now = at(clock) + (day - DAY)
    set_market_time(pipeline.now, 0)


def test_it_is_left_at_the_accounts_time_on_the_trading_day_before_it_expires(holding):
    to_time(holding, "15:04:59")
    assert exit_what_is_due(holding.now) == 0
    to_time(holding, "15:05:00")
    assert exit_what_is_due(holding.now) == 1
    assert ExitPlan.objects.get().reason == "flat by 15:05: expires on 25 Nov and would be delivered"
    play(holding, "1500.00", "1500.00", "1500.00")
    assert (Position.objects.get().quantity, exit_what_is_due(holding.now)) == (0, 0)


def test_an_account_without_a_flat_by_leaves_it_all_the_same(holding):
    Account.objects.update(flat_by=None)
    to_time(holding, "15:04:59")
    assert exit_what_is_due(holding.now) == 0
    to_time(holding, "15:05:00")
    assert exit_what_is_due(holding.now) == 1


def test_a_deployments_own_flat_by_comes_first(holding):
    deployment = holding.deploy(product="NRML", flat_by=time(14, 0), entry_until=time(13, 0))
    portfolio = Position.objects.get().portfolio
    type(portfolio).objects.filter(pk=portfolio.pk).update(deployment_id=deployment.pk)
    to_time(holding, "14:00:05")
    assert exit_what_is_due(holding.now) == 1


def test_on_the_day_of_expiry_it_is_left_at_once(holding):
    to_time(holding, "09:15:00", WEDNESDAY)
    assert exit_what_is_due(holding.now) == 1


@pytest.mark.parametrize("changes", [{"name": "NIFTY"}, {"expiry": WEDNESDAY + timedelta(days=1)}])
def test_what_is_settled_in_cash_or_expires_later_is_kept(holding, changes):
    Instrument.objects.filter(instrument_token=TOKEN).update(**changes)
    to_time(holding, "15:10:00")
    assert exit_what_is_due(holding.now) == 0


def test_a_calendar_that_ends_before_its_expiry_leaves_nothing_too_early(holding):
    Instrument.objects.filter(instrument_token=TOKEN).update(expiry=WEDNESDAY + timedelta(days=6))
    TradingSession.objects.filter(day__gt=DAY).delete()
    to_time(holding, "15:10:00")
    assert exit_what_is_due(holding.now) == 0


def test_nobody_enters_it_again_from_then_on(holding):
    to_time(holding, "15:05:00")
    play(holding, "1500.00")
    buy(holding)
    newest = Signal.objects.latest("id")
    assert (newest.state, "entries end at 15:05" in newest.state_reason) == ("denied", True)
    assert Position.objects.get().average_price > Decimal(0)
