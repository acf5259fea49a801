"""Market time runs on from what was heard, never far, and never back."""

from datetime import UTC, datetime, timedelta

import pytest
from django.db import IntegrityError, InternalError, transaction

from alphapanda.core.clock.market_time import Anchor, market_now
from alphapanda.core.clock.models import Installation, MarketClock
from alphapanda.core.clock.services import get_installation, set_market_time

NOON = datetime(2026, 11, 23, 6, 30, tzinfo=UTC)
WALL = datetime(2026, 1, 1, tzinfo=UTC)


def test_market_time_runs_on_at_its_rate():
    assert Anchor(NOON, WALL, 10).at(WALL + timedelta(seconds=2)) == NOON + timedelta(seconds=20)


def test_market_time_stands_still_when_nobody_confirms_it():
    assert Anchor(NOON, WALL, 10).at(WALL + timedelta(hours=1)) == NOON + timedelta(seconds=50)


@pytest.mark.django_db
def test_market_time_never_goes_back():
    set_market_time(NOON, 0)
    set_market_time(NOON - timedelta(hours=1), 0)
    assert market_now() == NOON


@pytest.mark.django_db
def test_a_clock_that_stands_is_asked_every_time_since_a_replay_moves_it():
    set_market_time(NOON, 0)
    assert market_now() == NOON
    # Another process moves it: nothing here hears of that.
    MarketClock.objects.update(market_time=NOON + timedelta(seconds=9))
    assert market_now() == NOON + timedelta(seconds=9)


@pytest.mark.django_db
def test_a_database_has_one_installation():
    with pytest.raises(IntegrityError), transaction.atomic():
        Installation.objects.create(kind="live")


@pytest.mark.django_db
@pytest.mark.parametrize("change", [{"kind": "live"}, {"salt": "another"}])
def test_the_kind_and_salt_of_an_installation_are_fixed_at_birth(change):
    get_installation()
    with pytest.raises((IntegrityError, InternalError), match="fixed at birth"), transaction.atomic():
        Installation.objects.update(**change)
