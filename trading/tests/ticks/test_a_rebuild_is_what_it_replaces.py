"""A worker's memory can be made anew from PostgreSQL and the stream, which is kept as far back as that takes."""

from datetime import timedelta
from decimal import Decimal

import pytest

from alphapanda.core.journal.models import Event
from market.domain.entries import StreamPosition
from market.models import Candle, Shard
from trading.models import Checkpoint, Deployment, ExitPlan, History, Run, RunInput, Signal
from trading.run import deployments
from trading.ticks import drain
from trading.ticks.input_places import InputsAtPlaces
from trading.ticks.memory import Effects
from trading.ticks.rebuild import rebuild_memory
from trading.ticks.trimming import trim_streams

WIDE = {"buy_at": "1500", "sell_at": "1600", "stop_percent": "1"}


@pytest.fixture
def past_checkpoint(pipeline):
    """A run that bought and holds, some entries beyond its shard's last checkpoint."""
    pipeline.trade("1505.00", "1499.00", "1500.00", parameters=WIDE)
    for price in ("1500.00", "1501.00", "1502.00"):
        pipeline.play(price, after=13)
    pipeline.play("1501.00", "1500.50", "1500.00")
    checkpoint = Checkpoint.objects.get()
    assert 1 < checkpoint.n < pipeline.n
    return pipeline


def remembered(pipeline):
    memory = drain._memories[pipeline.shard.pk]
    return memory, memory.save(Effects())


def rebuilt(pipeline):
    shard = Shard.objects.select_related("feed").get(pk=pipeline.shard.pk)
    return rebuild_memory(shard, pipeline.stream)


def test_a_rebuilt_memory_equals_the_one_it_replaces(past_checkpoint):
    memory, saved = remembered(past_checkpoint)
    again = rebuilt(past_checkpoint)
    assert again.save(Effects()) == saved
    assert (again.position, again.now) == (memory.position, memory.now)


def test_a_rebuilt_run_hears_its_fills_between_the_ticks_it_heard_them_between(pipeline):
    pipeline.trade("1505.00", "1499.00", "1500.00", "1500.00", "1480.00", parameters=WIDE)
    assert (Checkpoint.objects.get().n, RunInput.objects.get(kind="fill").n) == (1, 4)
    assert ExitPlan.objects.get().number == 2  # by its stop: it knew what it held when the price came
    _, saved = remembered(pipeline)
    assert rebuilt(pipeline).save(Effects()) == saved


def test_a_rebuild_without_a_checkpoint_gives_runs_all_they_heard(past_checkpoint):
    """Candles and last ticks are lost with it; what is held, and its stop, are not."""
    memory, _ = remembered(past_checkpoint)
    Checkpoint.objects.all().delete()
    again = rebuilt(past_checkpoint)
    [before], [after] = memory.runs.values(), again.runs.values()
    assert after.host.positions == before.host.positions == {"NSE:INFY": 10}
    assert after.host.position_of("NSE:INFY").stop == before.host.position_of("NSE:INFY").stop


@pytest.fixture
def learned(pipeline):
    """A run that began on ten candles, and has heard three ticks since."""
    for minute in range(10):
        prices = dict.fromkeys(("open", "high", "low", "close"), Decimal(1500 + minute))
        start = pipeline.now - timedelta(minutes=15 - minute)
        Candle.objects.create(instrument=pipeline.infy, interval=1, start=start, volume=100, **prices)
    pipeline.start(pipeline.deploy("moving_average_crossover", parameters={"interval": 1, "fast": 3, "slow": 8}))
    pipeline.play("1505.00", "1506.00", "1507.00")
    return pipeline


def repair_candles(pipeline):
    assert Candle.objects.filter(interval=1).update(close=Decimal(1600), high=Decimal(1600))


def test_a_candle_repaired_after_a_run_began_does_not_change_what_it_learned(learned):
    """The run's memory of before, rebuilt from what it was told, is the one it had."""
    [before] = remembered(learned)[0].runs.values()
    assert History.objects.get().candles
    repair_candles(learned)
    Checkpoint.objects.all().delete()
    [after] = rebuilt(learned).runs.values()
    assert after.host.save()["strategy"] == before.host.save()["strategy"]


def test_a_run_that_learns_anew_learns_what_stands_then(learned):
    deployments.pause_run(Run.objects.get().pk, "by the test")
    repair_candles(learned)
    deployments.resume_deployment(Deployment.objects.get(), by="tests")
    learned.play("1507.00")
    told = RunInput.objects.filter(kind__in=("begin", "resume")).order_by("id")
    closes = [History.objects.get(digest=one.payload["history"]).candles[-1][6] for one in told]
    assert [Decimal(close) for close in closes] == [1509, 1600]


def test_a_run_whose_history_is_lost_is_paused_and_says_so(learned):
    Checkpoint.objects.all().delete()
    History.objects.all().delete()
    learned.restart()
    learned.play("1507.00")
    deployment = Deployment.objects.get()
    assert deployment.state == "paused"
    assert "could not be told of its beginning" in deployment.state_reason


def test_a_rebuild_decides_nothing_anew(past_checkpoint):
    past_checkpoint.restart()
    past_checkpoint.play("1500.00")
    assert (Signal.objects.count(), ExitPlan.objects.count()) == (1, 0)


def test_decisions_after_a_rebuild_are_numbered_on(past_checkpoint):
    Checkpoint.objects.all().delete()
    past_checkpoint.restart()
    past_checkpoint.play("1480.00")
    assert (Signal.objects.get(kind="enter").ordinal, ExitPlan.objects.get().number) == (1, 2)


def test_the_stream_is_kept_from_the_checkpoint_on(past_checkpoint):
    _, saved = remembered(past_checkpoint)
    checkpoint = Checkpoint.objects.get()
    trim_streams()
    kept = [entry.position for entry in past_checkpoint.stream.read(StreamPosition(0, 0), 100)]
    assert (kept[0], kept[-1]) == ((checkpoint.epoch, checkpoint.n), (past_checkpoint.epoch, past_checkpoint.n))
    assert rebuilt(past_checkpoint).save(Effects()) == saved
    assert not Event.objects.filter(kind="feed.gap").exists()


def test_without_a_checkpoint_all_of_the_stream_is_kept(past_checkpoint):
    Checkpoint.objects.all().delete()
    trim_streams()
    assert past_checkpoint.stream.read(StreamPosition(0, 0), 1)[0].position == (1, 1)


def test_what_a_run_was_told_is_written_with_where_it_heard_it(past_checkpoint):
    places = RunInput.objects.order_by("id").values_list("kind", "epoch", "n")
    assert list(places) == [("begin", 1, 1), ("fill", 1, 4)]


def test_a_fault_stands_at_the_entry_it_came_on_and_is_heard_again_after_it(pipeline):
    """Four entries in one drain: on the second it buys and fails. Heard again, it has bought there too."""
    pipeline.start(pipeline.deploy("test-buys-with-nonsense"))
    pipeline.play("1505.00")
    for price in ("1504.00", "1499.00", "1498.00", "1497.00"):
        pipeline.tick(price)
    pipeline.drain()
    fault = RunInput.objects.get(kind="exits_only")
    assert ((fault.epoch, fault.n), fault.payload["before_entry"]) == ((1, 3), False)
    _, saved = remembered(pipeline)
    assert Signal.objects.get().n == 3
    again = rebuilt(pipeline)
    assert again.save(Effects()) == saved
    [run] = again.runs.values()
    assert run.host.position_of("NSE:INFY").entry is not None


def test_a_fault_on_what_a_run_was_told_stands_before_the_entry(pipeline):
    pipeline.start(pipeline.deploy("test-raises-on-fills"))
    pipeline.play("1505.00", "1499.00", "1500.00", "1500.00")
    filled, fault = RunInput.objects.get(kind="fill"), RunInput.objects.get(kind="exits_only")
    assert (fault.epoch, fault.n, fault.payload["before_entry"]) == (filled.epoch, filled.n, True)


def places(*rows):
    return [RunInput(id=nth, kind=kind, epoch=1, n=n, payload=payload) for nth, (kind, n, payload) in enumerate(rows)]


def test_inputs_of_one_place_come_before_its_entry_and_its_fault_after():
    heard = InputsAtPlaces(places(
        ("exits_only", 3, {"before_entry": False}), ("fill", 3, {}), ("exits_only", 4, {"before_entry": True}),
        ("exits_only", 4, {}), ("fill", 9, {}),
    ))  # fmt: skip
    taken = [[told.pk for told in heard.take_before(StreamPosition(1, n))] for n in (2, 3, 4, 5)]
    assert taken == [[], [1], [0, 2, 3], []]
    assert [told.pk for told in heard.take_rest()] == [4]
