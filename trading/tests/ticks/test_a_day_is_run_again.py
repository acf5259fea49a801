"""A paper day run again decides what it decided (E2), whatever has been repaired since; and says where it does not."""

from datetime import timedelta
from decimal import Decimal
from io import StringIO

import pytest
from django.core.management import CommandError, call_command

from market.domain.entries import StreamPosition
from market.models import Candle
from market.subscriptions import subscribe_instrument
from portfolio.models import Position
from tests.stories.pipeline import DAY
from trading.errors import NotAllowed
from trading.exits.opening import exit_holding
from trading.models import DayOpening, Deployment, Evaluation, ExitPlan, RiskDecision, Run, RunInput, Signal
from trading.orders.life_cycle import Urgency
from trading.run import deployments
from trading.ticks import drain, trimming
from trading.ticks.rerun import entries_of, judge_again, rerun_day

WAVE = ("1505.00", "1499.00", "1500.00", "1503.00", "1511.00", "1511.00", "1505.00", "1499.00", "1499.50", "1480.00")


@pytest.fixture
def day(pipeline):
    """A run that holds over a restart, one that begins in the middle on ten candles of history, fills, a stop."""
    subscribe_instrument(pipeline.feed, pipeline.infy, "full", ref="watchlist")
    pipeline.play("1505.00")
    write_history(pipeline)
    pipeline.trade(*WAVE)
    pipeline.start(pipeline.deploy("moving_average_crossover", parameters={"interval": 1, "fast": 2, "slow": 3}))
    for nth in range(44):
        pipeline.play(f"{1500 + (nth * 7) % 23}.00", after=11)
        if nth == 22:
            trimming.trim_stream(pipeline.feed)
            pipeline.restart()
    return pipeline


def write_history(pipeline):
    for minute in range(10):
        prices = dict.fromkeys(("open", "high", "low", "close"), Decimal(1500 + minute))
        start = pipeline.now - timedelta(minutes=15 - minute)
        Candle.objects.create(instrument=pipeline.infy, interval=1, start=start, volume=100, **prices)


def run_again(pipeline):
    pipeline.shard.refresh_from_db()
    return rerun_day(pipeline.shard, DAY)


def test_every_decision_and_every_check_comes_out_again(day):
    found = run_again(day)
    assert (found.differences, found.notes) == ([], [])
    assert (found.runs, found.entries) == (2, day.n - 1)
    assert found.decided["enter"] == Signal.objects.filter(kind="enter").count() > 4
    assert found.decided["exit"] >= ExitPlan.objects.count() > 2
    assert judge_again(DAY) == (RiskDecision.objects.count(), [])
    assert RiskDecision.objects.count() > 6
    assert found.decided["wait"] == Evaluation.objects.count() > 1


def test_nothing_is_written(day):
    def counts():
        return [model.objects.count() for model in (Signal, ExitPlan, Evaluation, RunInput, Candle, DayOpening)]

    before = counts()
    run_again(day)
    assert counts() == before


def test_a_candle_repaired_after_a_run_began_changes_nothing(day):
    assert Candle.objects.update(open=1400, high=1400, low=1400, close=1400)
    assert run_again(day).differences == []


def test_what_is_subscribed_since_changes_nothing(day):
    day.feed.subscriptions.all().delete()
    assert run_again(day).differences == []


def test_a_pause_a_resumption_and_a_fault_are_heard_where_they_were(day):
    deployment = Deployment.objects.get(strategy__name="test-one-lot")
    deployments.pause_deployment(deployment, "tests", "to look")
    day.play(*WAVE)
    deployments.resume_deployment(deployment, by="tests")
    day.start(day.deploy("test-buys-with-nonsense"))
    day.play(*WAVE)
    found = run_again(day)
    assert (found.differences, found.runs) == ([], 3)
    assert RunInput.objects.filter(kind="exits_only").count() == 2


def test_a_day_after_the_first_begins_with_what_the_runs_had_learned(day):
    day.now += timedelta(days=2)
    day.play(*WAVE, after=20)
    day.shard.refresh_from_db()
    found = rerun_day(day.shard, day.now.date())
    assert (found.differences, found.runs) == ([], 2)
    assert DayOpening.objects.get(day=day.now.date()).memory["runs"]


def test_an_exit_that_joined_one_by_hand_is_decided_again_too(pipeline):
    """A limit by hand rests far off; the stop takes it over, and has no plan of its own."""
    pipeline.trade("1505.00", "1499.00", "1500.00", "1500.00")
    exit_holding(Position.objects.get(), Urgency.HAND_LIMIT, "by hand", "tests", limit=Decimal(1600))
    pipeline.play("1500.00", *["1480.00"] * 12)
    assert ExitPlan.objects.get().finished_at is not None
    assert not ExitPlan.objects.filter(key__endswith="/2").exists()
    found = run_again(pipeline)
    assert (found.differences, found.decided["exit"]) == ([], 1)


# ---- what differs is said ---------------------------------------------------------------------------------------


def test_another_quantity_side_or_price_is_said_with_both(day):
    signal = Signal.objects.filter(kind="enter").first()
    Signal.objects.filter(pk=signal.pk).update(quantity=11, stop=Decimal("1"))
    label = f"test-one-lot 1, run 1, decision {signal.ordinal}"
    assert run_again(day).differences == [
        f"{label}: quantity was 11, now 10",
        f"{label}: stop was 1.0000, now {signal.stop}",
    ]


def test_a_decision_only_then_and_one_only_now_are_said(day):
    signal = Signal.objects.filter(kind="enter").first()
    Signal.objects.filter(pk=signal.pk).update(ordinal=999)
    label = "test-one-lot 1, run 1, decision"
    assert run_again(day).differences == [f"{label} 999: entry only then", f"{label} {signal.ordinal}: entry only now"]


def test_an_input_that_is_missing_shows(day):
    RunInput.objects.filter(kind="fill").first().delete()
    assert run_again(day).differences


def test_an_input_heard_elsewhere_shows(day):
    fill = RunInput.objects.filter(kind="fill").first()
    RunInput.objects.filter(pk=fill.pk).update(n=fill.n + 40)
    assert run_again(day).differences


def test_a_check_of_the_gate_that_answers_otherwise_is_named(day):
    decision = RiskDecision.objects.select_related("signal").first()
    decision.checks[0] = decision.checks[0] | {"passed": not decision.checks[0]["passed"]}
    decision.save()
    words = f"{decision.signal.key}: judged again, {decision.checks[0]['code']} answer otherwise"
    assert judge_again(DAY)[1] == [words]


def test_a_wait_said_then_and_not_now_is_named(day):
    row = Evaluation.objects.last()
    Evaluation.objects.filter(pk=row.pk).update(text="something else")
    found = run_again(day).differences
    assert [f"said only {what}:" in one for what, one in zip(("now", "then"), found, strict=True)] == [True, True]


def test_a_run_whose_code_is_another_is_left_out_and_said(day):
    Run.objects.filter(deployment__strategy__name="test-one-lot").update(code_hash="0" * 64)
    found = run_again(day)
    assert (found.runs, found.differences) == (1, [])
    assert found.notes == ["test-one-lot 1, run 1 is not run again: its code is another now"]


def test_a_hole_in_what_was_kept_is_said(day):
    day.stream.redis.xdel(day.stream.key, f"1-{day.n - 5}")
    assert any("the stream has a hole" in words for words in run_again(day).notes)


def test_a_day_of_which_nothing_is_kept_is_refused(day):
    with pytest.raises(NotAllowed, match="no opening of 2026-11-20 is kept"):
        rerun_day(day.shard, DAY - timedelta(days=3))


def test_openings_are_kept_as_long_as_the_stream(day, settings):
    settings.STREAM_DAYS = 2
    for _ in range(3):
        day.now += timedelta(days=1)
        day.play("1500.00")
    assert DayOpening.objects.count() == 2
    settings.STREAM_DAYS = 0
    day.now += timedelta(days=1)
    day.play("1500.00")
    assert DayOpening.objects.count() == 2


def test_what_goes_from_the_stream_while_a_day_is_read_is_not_missed(day, monkeypatch):
    monkeypatch.setattr(trimming, "READ_AT_ONCE", 1)
    day.shard.refresh_from_db()
    opening = DayOpening.objects.get()
    entries = entries_of(day.shard, DAY, StreamPosition(opening.epoch, opening.n))
    read = [next(entries)]
    trimming.trim_stream(day.feed)
    read += entries
    assert [entry.position.n for entry in read] == list(range(opening.n + 1, day.n + 1))


# ---- the command ------------------------------------------------------------------------------------------------


def test_the_command_says_all_the_same_or_ends_with_1(day):
    out = StringIO()
    call_command("rerun_day", "--day", str(DAY), stdout=out)
    assert "All the same." in out.getvalue()
    Signal.objects.filter(kind="enter").update(side="SELL")
    with pytest.raises(CommandError, match="differences") as refused:
        call_command("rerun_day", "--day", str(DAY), stdout=out)
    assert refused.value.returncode == 1
    assert "OTHERWISE: test-one-lot 1, run 1, decision 1: side was SELL, now BUY" in out.getvalue()


def test_the_command_refuses_a_feed_there_is_not(day):
    with pytest.raises(CommandError, match="no such feed") as refused:
        call_command("rerun_day", "--feed", "none")
    assert refused.value.returncode == 2
    assert drain._memories
