"""Paper against lockstep is a diff, each line attributed with its share (E3): never claimed to be equal."""

from datetime import UTC, datetime, timedelta
from decimal import Decimal
from io import StringIO

import pytest
from django.core.management import call_command

from market.subscriptions import subscribe_instrument
from portfolio.models import LedgerEntry
from tests.stories.lab_twin import play_in_lockstep
from tests.stories.pipeline import DAY
from trading.lab.lockstep_diff import (
    FILLED,
    FOLLOWS,
    HEARD,
    JUDGED,
    SAME,
    UNEXPLAINED,
    Came,
    DecisionKey,
    Lockstep,
    compare,
    gross_of,
    lockstep_diff,
)
from trading.models import DayOpening, Fill
from trading.orders import kill_switch
from trading.orders.life_cycle import GateState
from trading.run import deployments

WAVE = ("1505.00", "1499.00", "1500.00", "1503.00", "1511.00", "1511.00", "1505.00", "1499.00", "1499.50", "1500.00")


@pytest.fixture
def day(pipeline):
    subscribe_instrument(pipeline.feed, pipeline.infy, "full", ref="watchlist")
    play_in_lockstep(pipeline, "1505.00")
    pipeline.start(pipeline.deploy())
    return pipeline


def play_late(pipeline, *prices):
    """The run goes on with every tick; all other stages come once, at the end."""
    for price in prices:
        pipeline.tick(price)
        pipeline.drain()
    pipeline.quiesce()


def diff(pipeline):
    pipeline.shard.refresh_from_db()
    return lockstep_diff(pipeline.shard, pipeline.account, DAY)


def kinds(found):
    return [line.kind for line in found.lines]


def test_a_day_that_was_lockstep_is_the_same_to_the_fill(day):
    play_in_lockstep(day, *WAVE, *WAVE)
    found = diff(day)
    assert (set(kinds(found)), found.notes) == ({SAME}, [])
    assert len(found.lines) > 4
    assert found.share(SAME) == (len(found.lines), 0)
    assert found.paper == found.lockstep != 0


def test_an_order_that_met_a_later_book_is_filled_otherwise_with_what_it_cost(day):
    play_late(day, "1505.00", "1499.00", "1500.00", "1503.00")
    play_in_lockstep(day, "1504.00", "1504.00")
    found = diff(day)
    [entry] = found.lines
    assert (entry.kind, entry.rupees, found.paper - found.lockstep) == (FILLED, Decimal(-40), Decimal(-40))
    assert "paper +10 at 1504.10" in entry.words
    assert "lockstep +10 at 1500.10" in entry.words


def test_a_gate_that_was_closed_then_is_judged_otherwise(day):
    play_in_lockstep(day, "1505.00")
    kill_switch.close_gate(day.account, GateState.HALTED, "tests", "to see")
    play_in_lockstep(day, "1499.00")
    first = diff(day).lines[0]
    assert first.kind == JUDGED
    assert "paper refused (GATE" in first.words


def test_what_follows_from_a_difference_is_told_from_its_cause(day):
    play_late(day, "1505.00", "1499.00", "1500.00", "1503.00", "1511.00", "1511.00")
    play_in_lockstep(day, "1505.00", "1506.00", "1512.00", "1512.00")
    found = kinds(diff(day))
    assert found[0] == FILLED
    assert FOLLOWS in found
    assert UNEXPLAINED not in found


def test_a_deployment_stopped_and_started_again_is_the_same_in_both_its_runs(day):
    play_in_lockstep(day, *WAVE[:6])
    [deployment] = day.account.deployments.all()
    deployments.stop_deployment(deployment, by="tests")
    play_in_lockstep(day, "1505.00")
    deployment.refresh_from_db()
    day.start(deployment)
    play_in_lockstep(day, *WAVE)
    found = diff(day)
    assert (set(kinds(found)), len(found.lines), found.notes) == ({SAME}, 5, [])


def test_a_run_that_decided_before_the_opening_or_held_over_a_night_is_said(day):
    play_in_lockstep(day, "1499.00", "1500.00", "1500.00")
    day.now += timedelta(days=2)
    play_in_lockstep(day, "1500.00")
    day.shard.refresh_from_db()
    found = lockstep_diff(day.shard, day.account, day.now.date())
    assert found.notes == ["test-one-lot 1, run 1 is not compared: it held over the night"]
    assert found.lines == []


def test_a_later_day_begins_with_the_money_the_account_had_then(day):
    play_in_lockstep(day, *WAVE[:6])
    before = sum(LedgerEntry.objects.values_list("amount", flat=True))
    assert before != day.account.opening_cash
    day.now += timedelta(days=2)
    play_in_lockstep(day, "1505.00", "1499.00", "1500.00", "1500.00")
    day.shard.refresh_from_db()
    opening = DayOpening.objects.get(day=day.now.date())
    assert Lockstep(day.shard, day.account, opening).engine.account.holdings.cash == before


# ---- side by side -----------------------------------------------------------------------------------------------


NOON = datetime(2026, 11, 23, 6, 30, tzinfo=UTC)


def decided(seconds=0, kind="entry", side="BUY"):
    return DecisionKey(NOON + timedelta(seconds=seconds), "run", kind, "NSE:INFY", side)


def bought(price="100", seconds=1):
    came = Came()
    came.add(10, Decimal(price), NOON + timedelta(seconds=seconds))
    return came


def test_a_decision_in_one_life_only_is_unexplained_unless_something_was_heard_later():
    late = {("run", "NSE:INFY"): [(NOON, 3)]}
    for heard, kind in (({}, UNEXPLAINED), (late, HEARD)):
        [line] = compare({decided(9): bought()}, {}, heard)
        assert (line.kind, line.rupees) == (kind, None)
    [line] = compare({decided(-9): bought()}, {}, late)
    assert line.kind == UNEXPLAINED


def test_a_fill_at_another_time_is_filled_otherwise_though_its_price_is_the_same():
    [line] = compare({decided(): bought()}, {decided(): bought(seconds=2)}, {})
    assert (line.kind, line.rupees) == (FILLED, 0)


def test_paper_that_paid_more_shows_a_loss():
    [line] = compare({decided(): bought("101")}, {decided(): bought("100")}, {})
    assert line.rupees == -10


def test_a_turnover_is_no_loss_where_other_quantities_filled():
    [line] = compare({decided(): bought()}, {decided(): Came()}, {})
    assert (line.kind, line.rupees) == (FILLED, None)


def test_gross_is_what_fills_came_to_and_what_is_held_is_worth():
    sold = Came()
    sold.add(-4, Decimal(103), NOON)
    came = {decided(): bought("100"), decided(5, "exit", "SELL"): sold}
    assert gross_of(came, lambda key: Decimal(102)) == 4 * 3 + 6 * 2


def test_what_filled_after_the_last_entry_played_is_not_compared(day):
    play_in_lockstep(day, "1505.00", "1499.00", "1500.00")
    Fill.objects.update(at=day.now + timedelta(seconds=5))
    [entry] = diff(day).lines
    assert "paper not filled" in entry.words


def test_the_command_says_how_many_of_each_kind_and_what_they_came_to(day):
    play_late(day, "1505.00", "1499.00", "1500.00", "1503.00")
    play_in_lockstep(day, "1504.00", "1504.00")
    out = StringIO()
    call_command("rerun_day", "--day", str(DAY), "--lockstep", stdout=out)
    said = out.getvalue()
    assert "Desk A beside its lockstep: 1 decision, 1 filled otherwise (−₹40.00)." in said
    assert "10:00:03 test-one-lot 1, entry BUY NSE:INFY, filled otherwise: paper +10 at 1504.10" in said
