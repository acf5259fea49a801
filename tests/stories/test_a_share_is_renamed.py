"""ZOMATO becomes ETERNAL: what is held follows, its run goes on with its stop, and it can be sold."""

from datetime import timedelta
from decimal import Decimal

import pytest

from instruments.models import Instrument, RenameQuestion
from instruments.renames import CannotFollow, follow_rename, rename_instrument
from instruments.tests.dumps_of import load, share, shares
from market.subscriptions import subscribe_instrument
from portfolio.models import LedgerEntry, Position
from portfolio.rebuilding import rebuild_account
from tests.stories.pipeline import DAY, at, make_instrument
from trading.models import RunInput, Signal
from trading.ticks import drain

TERMS = {"product": "CNC", "flat_by": None}
OLD = {"number": 1594, "name": "INFY"}
REST = shares(20)
WEDNESDAY = DAY + timedelta(days=2)


@pytest.fixture
def holding(pipeline):
    """A run holds 10 NSE:INFY for delivery, its stop at 1,484.10."""
    deployment = pipeline.deploy(parameters={"buy_at": "1500", "sell_at": "1600", "stop_percent": "1"}, **TERMS)
    pipeline.start(deployment)
    pipeline.play("1505.00", "1499.00", "1500.00")
    assert Position.objects.get().quantity == 10
    return deployment


def rename(pipeline) -> None:
    """Wednesday's dump has the token under another symbol."""
    rename_instrument(pipeline.infy, "INFINITE", WEDNESDAY, by="the dump")
    go_to_wednesday(pipeline)


def go_to_wednesday(pipeline) -> None:
    pipeline.now = at("09:30:00") + timedelta(days=2)
    pipeline.epoch, pipeline.n = 2, 0


def host(pipeline):
    [run] = drain._memories[pipeline.shard.pk].runs.values()
    return run.host


def test_the_run_holds_it_under_its_new_name_and_its_stop_sells_it(pipeline, holding):
    stop = host(pipeline).position_of("NSE:INFY").stop
    rename(pipeline)
    pipeline.play("1500.00", "1501.00")
    assert host(pipeline).positions == {"NSE:INFINITE": 10}
    assert host(pipeline).position_of("NSE:INFINITE").stop == stop
    pipeline.play("1480.00", "1480.00", "1480.00")
    assert Position.objects.get().quantity == 0
    assert Signal.objects.filter(kind="exit").get().instrument.key == "NSE:INFINITE"


def test_no_tick_is_lost_when_the_name_changes_while_the_worker_runs(pipeline, holding):
    rename(pipeline)
    pipeline.tick("1480.00")
    pipeline.quiesce()
    pipeline.quiesce()
    pipeline.play("1480.00", "1480.00")
    assert Position.objects.get().quantity == 0


def test_a_fill_told_under_the_old_name_is_heard_under_the_new_one(pipeline, holding):
    rename(pipeline)
    run = holding.runs.get()
    told = {"instrument": "NSE:INFY", "signed_quantity": 5, "price": "1490", "at": pipeline.now.isoformat()}
    RunInput.objects.create(run=run, kind="fill", ref="late", payload=told | {"number": None})
    pipeline.play("1500.00", "1500.00")
    assert host(pipeline).positions == {"NSE:INFINITE": 15}


def test_a_restart_finds_it_under_its_new_name(pipeline, holding):
    pipeline.tick("1500.00", after=31)  # a checkpoint that knows the position, by its former name
    pipeline.quiesce()
    rename(pipeline)
    pipeline.restart()
    pipeline.play("1500.00", "1480.00", "1480.00", "1480.00")
    assert Position.objects.get().quantity == 0


def test_the_books_of_before_are_what_they_were(pipeline, holding):
    go_to_wednesday(pipeline)
    pipeline.play("1480.00", "1480.00", "1480.00")
    assert LedgerEntry.objects.filter(key=f"dp:INFY:{WEDNESDAY}").exists()
    rename_instrument(pipeline.infy, "INFINITE", WEDNESDAY + timedelta(days=1), by="the dump")
    assert rebuild_account(pipeline.account) == []


def test_a_holding_that_follows_by_an_answer_keeps_its_position_and_can_be_sold(pipeline, holding):
    Instrument.objects.update(name="INFOSYS")
    load(*REST, share("INFY", **OLD | {"name": "INFOSYS"}), day=DAY)
    load(*REST, share("INFY-BE", 7000, name="INFOSYS"), day=WEDNESDAY, accept_losses=True)
    question = RenameQuestion.objects.get()
    subscribe_instrument(pipeline.feed, question.successor, ref="watchlist")
    followed = follow_rename(question, "mehta")
    assert (followed.pk, followed.key, Position.objects.get().instrument) == (pipeline.infy.pk, "NSE:INFY-BE", followed)
    pipeline.now = at("09:30:00") + timedelta(days=2)
    pipeline.epoch, pipeline.n = 2, 0
    for price in ("1500.00", "1480.00", "1480.00", "1480.00"):
        pipeline.now += timedelta(seconds=1)
        pipeline.append(pipeline.packet(price, token=followed.instrument_token))
        pipeline.quiesce()
    assert Position.objects.get().quantity == 0


def test_what_has_been_traded_under_its_new_symbol_is_not_joined(pipeline, holding):
    old = make_instrument(token=333 * 256 + 1, symbol="OLD", listed=False)
    question = RenameQuestion.objects.create(
        former=old, successor=pipeline.infy, former_symbol="NSE:OLD", successor_symbol="NSE:INFY", day=DAY, why="?"
    )
    with pytest.raises(CannotFollow, match=r"NSE:INFY has trades of its own"):
        follow_rename(question, "mehta")
    question.refresh_from_db()
    assert (question.state, Position.objects.get().instrument) == ("asked", pipeline.infy)


def test_a_tick_of_one_share_is_no_concern_of_anothers_name(pipeline, holding):
    other = make_instrument(token=222 * 256 + 1, symbol="TCS")
    subscribe_instrument(pipeline.feed, other, ref="watchlist")
    rename_instrument(other, "TATA", WEDNESDAY, by="the dump")
    memory = drain._memories[pipeline.shard.pk]
    memory.refresh_instruments()
    assert (memory.names, memory.has_stale_names) == ({"NSE:TCS": "NSE:TATA"}, False)
    assert Decimal(memory.instruments[other.instrument_token].tick_size) == Decimal("0.10")
