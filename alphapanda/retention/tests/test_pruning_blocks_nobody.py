"""Pruning works in short turns while markets are closed, waits for nobody, and is done once a day."""

import threading
from datetime import datetime, time, timedelta
from time import monotonic
from types import SimpleNamespace

import pytest
from django.db import DatabaseError, connection, connections, transaction

from alphapanda.celery import app as celery
from alphapanda.core.clock.services import set_market_time
from alphapanda.core.journal.models import Event
from alphapanda.core.timezone import IST
from alphapanda.retention import pruning
from alphapanda.retention.pruning import prune_tables, prune_when_due
from alphapanda.retention.rules import RULES
from alphapanda.retention.sizes import earlier_sizes, growth_a_day, table_sizes
from alphapanda.retention.tests.conftest import LAST_DAY
from trading.models import Evaluation
from trading.run.strategy_rows import write_strategy_rows
from trading.ticks.rerun import rerun_day

WAVE = ("1505.00", "1499.00", "1500.00", "1503.00", "1511.00", "1511.00", "1505.00", "1499.00", "1499.50", "1480.00")


def old_waits(kept, number):
    Evaluation.objects.bulk_create(
        Evaluation(run=kept.run, instrument=kept.tcs, at=kept.ago(40) + timedelta(seconds=nth), text="no signal")
        for nth in range(number)
    )


@pytest.fixture
def _small_batches(monkeypatch):
    monkeypatch.setattr(pruning, "BATCH", 3)


@pytest.mark.parametrize(("clock", "is_time"), [("08:29", True), ("08:31", False), ("12:00", False), ("16:31", True)])
def test_nothing_is_pruned_while_a_market_is_open_or_about_to(kept, clock, is_time):
    set_market_time(datetime.combine(LAST_DAY, time.fromisoformat(clock), IST), 0)
    old_waits(kept, 1)
    assert (prune_when_due() is not None) is is_time
    assert Evaluation.objects.exists() is not is_time


def test_a_replay_whose_clock_stands_prunes_nothing(kept, monkeypatch):
    monkeypatch.setattr(pruning, "clock_stands", lambda: True)
    old_waits(kept, 1)
    assert prune_when_due() is None


@pytest.mark.usefixtures("_small_batches")
def test_a_turn_ends_at_its_deadline_and_the_next_goes_on(kept, monkeypatch):
    old_waits(kept, 7)
    monkeypatch.setattr(pruning, "TURN_SECONDS", 10.0)
    seconds = iter([0.0, 1.0, 11.0, *[20.0] * 100])
    monkeypatch.setattr(pruning, "time", SimpleNamespace(monotonic=lambda: next(seconds)))
    first = prune_when_due()
    assert (first.rows.total(), first.is_whole, Event.objects.filter(kind="tables.pruned").count()) == (3, False, 0)
    second = prune_when_due()
    assert (second.rows.total(), second.is_whole) == (4, True)


def test_it_is_done_once_a_day_and_told(kept):
    old_waits(kept, 2)
    prune_when_due()
    old_waits(kept, 1)
    assert prune_when_due() is None
    told = Event.objects.get(kind="tables.pruned").payload
    assert (told["rows"], told["of"]["trading_evaluation"]) == (2, 2)
    assert told["bytes"]["trading_evaluation"] == table_sizes()["trading_evaluation"].bytes > 0


def test_what_beat_asks_for_prunes(kept, settings):
    old_waits(kept, 1)
    celery.loader.import_default_modules()
    celery.tasks[settings.CELERY_BEAT_SCHEDULE["pruning"]["task"]]()
    assert not Evaluation.objects.exists()


@pytest.mark.usefixtures("_small_batches")
def test_a_batch_sets_its_own_short_limits_and_leaves_none_behind(kept):
    old_waits(kept, 1)
    said = []
    with connection.execute_wrapper(lambda run, sql, *rest: (said.append(sql), run(sql, *rest))[1]):
        prune_tables(RULES)
    assert any("lock_timeout = '200ms'" in sql and "statement_timeout = '5s'" in sql for sql in said)
    assert not any(sql.startswith("SET ") and "LOCAL" not in sql for sql in said)


def test_growth_is_what_the_tables_took_on_a_day_since_a_week_ago(kept):
    prune_when_due()
    event = Event.objects.get(kind="tables.pruned")
    sizes = table_sizes()
    now = event.written_at + timedelta(days=2)
    then = earlier_sizes(now)
    assert growth_a_day(["trading_evaluation"], sizes, then, now) == 0
    then.bytes["trading_evaluation"] -= 5_000
    assert growth_a_day(["trading_evaluation"], sizes, then, now) == 2_500
    assert earlier_sizes(event.written_at + timedelta(hours=1)) is None
    assert growth_a_day(["trading_evaluation"], sizes, None, now) is None


def test_a_day_that_can_be_run_again_still_comes_out_again(pipeline, monkeypatch):
    write_strategy_rows()
    pipeline.trade(*WAVE)
    pipeline.start(pipeline.deploy("moving_average_crossover", parameters={"interval": 1, "fast": 2, "slow": 3}))
    for nth in range(40):
        pipeline.play(f"{1500 + (nth * 7) % 23}.00", after=11)
    waits = Evaluation.objects.count()
    set_market_time(pipeline.now + timedelta(days=400), 0)
    assert prune_tables(RULES).is_whole
    pipeline.shard.refresh_from_db()
    found = rerun_day(pipeline.shard, pipeline.now.date())
    assert (found.differences, found.notes, found.runs) == ([], [], 2)
    assert Evaluation.objects.count() == waits > 0


@pytest.mark.django_db(transaction=True)
def test_a_row_somebody_holds_is_left_for_the_next_turn_soon(kept):
    old_waits(kept, 1)
    held, done = threading.Event(), threading.Event()

    def hold():
        try:
            with transaction.atomic():
                Evaluation.objects.select_for_update().get()
                held.set()
                done.wait(10)
        finally:
            connections.close_all()

    other = threading.Thread(target=hold)
    other.start()
    assert held.wait(10)
    began = monotonic()
    pruned = prune_tables(RULES)
    took = monotonic() - began
    done.set()
    other.join()
    assert (pruned.is_whole, Evaluation.objects.count(), took < 2) == (False, 1, True)
    assert prune_tables(RULES).is_whole
    assert not Evaluation.objects.exists()


def test_any_other_error_of_the_database_is_nobodys_to_hide(kept, monkeypatch):
    monkeypatch.setattr(pruning, "LIMITS", "SELECT 1 / 0")
    old_waits(kept, 1)
    with pytest.raises(DatabaseError, match="division by zero"), transaction.atomic():
        prune_tables(RULES)
