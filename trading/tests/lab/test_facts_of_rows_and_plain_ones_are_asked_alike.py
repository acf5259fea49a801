"""One contract for the market's dated facts, whoever keeps them: rows, or plain values."""

from datetime import date, timedelta
from decimal import Decimal

import pytest

from alphapanda.core.commands import run_quietly
from instruments.tests.protections import SHARES
from market.board import limits_of
from tests.stories.pipeline import INFY, make_instrument
from trading.lab.plain_facts import PlainFacts
from trading.lab.row_facts import RowFacts
from trading.models import PriceBand
from trading.run.hosts import spec_of
from trading.tests.strategies.market_day import at

# A plain week: no holiday, no special session.
MONDAY, FRIDAY = date(2026, 2, 9), date(2026, 2, 13)
BAND = (Decimal("1350.00"), Decimal("1650.00"))


@pytest.fixture(params=["rows", "plain"])
def facts(request, transactional_db):
    run_quietly("load_calendar", "--year", "2026")
    infy = make_instrument()
    if request.param == "rows":
        PriceBand.objects.create(instrument=infy, day=MONDAY, low=BAND[0], high=BAND[1], told_at=at("08:00", MONDAY))
        return RowFacts({INFY: infy})
    return PlainFacts(
        {INFY: spec_of(infy)}, bands={(INFY, MONDAY): BAND}, protections={"NSE": SHARES}, limits=limits_of(infy)
    )


def test_the_hours_of_a_trading_day(facts):
    schedule = facts.schedule(INFY, MONDAY)
    assert (schedule.known, schedule.opens_at, schedule.closes_at) == (True, at("09:15", MONDAY), at("15:30", MONDAY))
    assert schedule.is_continuous(at("12:00", MONDAY))


def test_a_sunday_is_closed(facts):
    sunday = facts.schedule(INFY, MONDAY - timedelta(days=1))
    assert sunday.opens_at is None


def test_after_friday_comes_monday(facts):
    assert facts.next_open(INFY, FRIDAY) == at("09:15", FRIDAY + timedelta(days=3))


def test_since_when_it_is_closed(facts):
    assert facts.closed_since(INFY, at("12:00", MONDAY)) is None
    assert facts.closed_since(INFY, at("18:00", MONDAY)) == at("15:30", MONDAY)
    assert facts.closed_since(INFY, at("08:00", MONDAY + timedelta(days=1))) == at("15:30", MONDAY)


def test_bands_are_of_their_day(facts):
    assert facts.band(INFY, MONDAY) == BAND
    assert facts.band(INFY, FRIDAY) is None


def test_a_share_has_a_slab_and_no_freeze_quantity_and_is_not_left_by_a_day(facts):
    slab = [(step.below, step.percent) for step in facts.protection(INFY, MONDAY).slab]
    assert slab == [(Decimal(100), Decimal(2)), (Decimal(500), Decimal(1)), (None, Decimal("0.5"))]
    assert (facts.freeze(INFY, MONDAY), facts.leave_by(INFY, MONDAY)) == (None, None)
    assert (facts.final_price(INFY), facts.settled_at(INFY)) == (None, None)


def test_it_knows_its_instrument_and_how_old_a_price_may_be(facts):
    assert facts.spec_of(INFY).key == "NSE:INFY"
    assert facts.age_limits(INFY).stale_after == timedelta(seconds=15)
