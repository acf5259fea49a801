"""Messages lost, servers emptied, two workers on one shard: what was decided happens once."""

import pytest

from portfolio.models import Position, Trade
from trading import wakeups
from trading.models import Order, OrderTransition, PaperTrade, RunInput, Signal
from trading.orders import execution, fills
from trading.orders.life_cycle import OrderState, SignalState
from trading.risk import assessment
from trading.ticks import drain, sweeping


def test_valkey_emptied_between_every_stage_loses_no_order(pipeline):
    pipeline.start(pipeline.deploy())
    pipeline.tick("1505.00")
    pipeline.tick("1499.00")
    pipeline.drain()
    wakeups.valkey_client().flushdb()
    assert sweeping.sweep_partitions()["assess_signals"] == 1
    pipeline.append_quote("1499.00")
    assessment.assess_signals(pipeline.account.pk)
    wakeups.valkey_client().flushdb()
    assert sweeping.sweep_partitions()["execute_orders"] == 1
    execution.execute_orders(pipeline.account.pk)
    wakeups.valkey_client().flushdb()
    pipeline.play("1500.00", "1501.00")
    assert Order.objects.get().state == OrderState.FILLED
    assert Position.objects.get().quantity == 10


def test_a_hole_in_the_stream_is_seen_and_told(pipeline):
    from alphapanda.core.journal.models import Event

    pipeline.trade("1505.00")
    pipeline.tick("1504.00")
    wakeups.valkey_client().delete(pipeline.stream.key)
    pipeline.play("1503.00")
    assert Event.objects.filter(kind="feed.gap").count() == 1
    pipeline.shard.refresh_from_db()
    assert pipeline.shard.n == pipeline.n


def test_of_two_workers_on_one_shard_one_commits_and_the_other_drops_everything(pipeline):
    pipeline.trade("1505.00")
    slow_shard = type(pipeline.shard).objects.select_related("feed").get(pk=pipeline.shard.pk)
    slow_memory = drain._memories.pop(pipeline.shard.pk)
    pipeline.tick("1499.00")
    entries = pipeline.stream.read(slow_memory.position)
    pipeline.drain()
    with pytest.raises(drain.LostRace):
        drain.advance_shard(slow_shard, slow_memory, entries)
    assert Signal.objects.count() == 1


def test_the_same_trade_reported_twice_is_booked_once(pipeline):
    pipeline.trade("1505.00", "1499.00", "1500.00")
    PaperTrade.objects.update(is_booked=False)
    fills.book_trades(pipeline.account.pk)
    assert Trade.objects.count() == 1
    assert Order.objects.get().filled_quantity == 10
    assert RunInput.objects.filter(kind="fill").count() == 1


def claim_without_an_answer(pipeline):
    """Let one order be claimed by a worker that then says no more."""
    pipeline.start(pipeline.deploy())
    pipeline.tick("1505.00")
    pipeline.tick("1499.00")
    pipeline.drain()
    assessment.assess_signals(pipeline.account.pk)
    order = Order.objects.select_related("signal__decision", "signal__instrument", "account").get()
    assert execution.claim_order(order)


def test_an_unconfirmed_paper_order_is_asked_again_and_is_still_one_order(pipeline, monkeypatch):
    claim_without_an_answer(pipeline)
    pipeline.play("1500.00", "1500.00")
    assert Order.objects.get().state == OrderState.FILLED
    assert PaperTrade.objects.count() == 1


def test_an_order_too_old_to_send_expires_and_its_run_may_ask_again(pipeline, settings):
    pipeline.start(pipeline.deploy())
    pipeline.tick("1505.00")
    pipeline.tick("1499.00")
    pipeline.drain()
    assessment.assess_signals(pipeline.account.pk)
    pipeline.watermark(after=settings.SIGNAL_LIFE.total_seconds() + 1)
    pipeline.quiesce()
    assert Order.objects.get().state == OrderState.EXPIRED
    assert OrderTransition.objects.latest("id").reason == "too old to send: it was to leave by 10:00:12"
    assert RunInput.objects.filter(kind="ended").exists()


def test_a_signal_that_cannot_be_judged_three_times_becomes_a_dead_letter_and_others_go_on(pipeline, monkeypatch):
    from alphapanda.core.journal import services as journal
    from alphapanda.core.journal.models import DeadLetter

    pipeline.start(pipeline.deploy())
    pipeline.tick("1505.00")
    pipeline.tick("1499.00")
    pipeline.drain()

    def fail(*args):
        raise RuntimeError("the rules are gone")

    with monkeypatch.context() as broken:
        broken.setattr(assessment, "judge", fail)
        for _ in range(3):
            assessment.assess_signals(pipeline.account.pk)
    signal = Signal.objects.get()
    letter = DeadLetter.objects.get()
    assert (signal.state, letter.attempts) == (SignalState.FAILED, 3)
    assert "the rules are gone" in letter.error
    journal.replay_dead_letter(letter, by="tests")
    assessment.assess_signals(pipeline.account.pk)
    signal.refresh_from_db()
    assert signal.state == SignalState.ORDERED


def test_a_database_that_is_away_is_nobodys_third_attempt(pipeline, monkeypatch):
    from django.db import OperationalError

    pipeline.start(pipeline.deploy())
    pipeline.tick("1505.00")
    pipeline.tick("1499.00")
    pipeline.drain()

    def away(*args):
        raise OperationalError("server closed the connection")

    with monkeypatch.context() as broken:
        broken.setattr(assessment, "judge", away)
        with pytest.raises(OperationalError):
            assessment.assess_signals(pipeline.account.pk)
    assessment.assess_signals(pipeline.account.pk)
    assert Signal.objects.get().state == SignalState.ORDERED


def test_an_unconfirmed_order_is_never_given_up_however_often_its_worker_died(pipeline):
    claim_without_an_answer(pipeline)
    Order.objects.update(attempts=7)
    pipeline.play("1500.00", "1500.00")
    assert Order.objects.get().state == OrderState.FILLED
