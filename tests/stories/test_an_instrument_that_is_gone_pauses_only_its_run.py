"""An instrument that is no longer listed pauses the runs that have it; nobody else notices."""

from datetime import time, timedelta

import pytest

from instruments.models import Instrument
from portfolio.models import Position
from tests.stories.pipeline import at, make_instrument
from trading.errors import NotAllowed
from trading.models import Deployment, Signal
from trading.run.deployments import resume_deployment
from trading.ticks import drain

WIDE = {"buy_at": "1500", "sell_at": "1600", "stop_percent": "1"}
LOW = {"buy_at": "100", "sell_at": "200", "stop_percent": "1"}


def unlist(instrument: Instrument) -> None:
    Instrument.objects.filter(pk=instrument.pk).update(listed=False)


def tick_of(pipeline, instrument: Instrument, *prices: str) -> None:
    for price in prices:
        pipeline.now += timedelta(seconds=1)
        pipeline.append(pipeline.packet(price, token=instrument.instrument_token))
        pipeline.quiesce()


@pytest.fixture
def tcs(pipeline) -> Instrument:
    return make_instrument(token=222 * 256 + 1, symbol="TCS")


@pytest.fixture
def both(pipeline, tcs) -> Deployment:
    """One deployment that holds ten of INFY, with its stop at 1,484, and ten of TCS."""
    deployment = pipeline.deploy(name="both", parameters=WIDE)
    deployment.instruments.add(tcs)
    pipeline.start(deployment)
    pipeline.play("1505.00", "1499.00", "1500.00")
    tick_of(pipeline, tcs, "1499.00", "1499.00", "1499.00")
    assert sorted(Position.objects.values_list("quantity", flat=True)) == [10, 10]
    return deployment


def quantity_of(instrument: Instrument) -> int:
    return Position.objects.get(instrument=instrument).quantity


def pass_flat_by(pipeline) -> None:
    pipeline.now = at("15:05:00")
    pipeline.show(pipeline.packet("1505.00"))
    pipeline.watermark(after=1.0)
    pipeline.quiesce()
    pipeline.play("1505.00", "1505.00")


def test_an_unlisted_instrument_of_one_deployment_does_not_stop_the_others(pipeline):
    other = make_instrument(token=111 * 256 + 1, symbol="OLDFUT")
    gone, good = pipeline.deploy(name="gone"), pipeline.deploy(name="good", parameters=WIDE)
    gone.instruments.set([other])
    pipeline.start(gone)
    pipeline.start(good)
    pipeline.play("1505.00", "1499.00", "1500.00")
    assert Position.objects.get().quantity == 10  # good's, with its stop at 1,484
    unlist(other)
    pipeline.restart()
    pipeline.play("1480.00", "1480.00", "1480.00")
    assert Position.objects.get().quantity == 0
    gone.refresh_from_db()
    good.refresh_from_db()
    assert (gone.state, good.state) == ("paused", "running")
    assert gone.state_reason == "expired, no longer listed, or not subscribed: NSE:OLDFUT"


def test_a_position_in_an_unlisted_instrument_does_not_stop_the_shard(pipeline, tcs):
    pipeline.start(pipeline.deploy(name="good", parameters=WIDE))
    second = pipeline.deploy(name="second", parameters=LOW)
    second.instruments.set([tcs])
    pipeline.start(second)
    pipeline.play("1505.00", "1499.00", "1500.00")
    tick_of(pipeline, tcs, "99.00", "99.00", "99.00")
    assert quantity_of(tcs) == 10
    unlist(tcs)
    drain._memories[pipeline.shard.pk].refresh_instruments()  # as on every new day
    pass_flat_by(pipeline)
    assert quantity_of(pipeline.infy) == 0


@pytest.mark.parametrize("restarted", [False, True])
def test_the_exits_of_its_listed_instruments_stay_managed(pipeline, both, tcs, restarted):
    unlist(tcs)
    drain._memories[pipeline.shard.pk].refresh_instruments()
    if restarted:
        pipeline.restart()
    pipeline.play("1490.00", "1480.00", "1480.00", "1480.00")
    both.refresh_from_db()
    assert (both.state, quantity_of(pipeline.infy), quantity_of(tcs)) == ("paused", 0, 10)
    assert "+10 NSE:TCS cannot be left from here: ask your broker" in both.state_reason


def test_what_cannot_be_taken_is_not_asked_and_is_left_once_it_is_listed_again(pipeline, both, tcs):
    unlist(tcs)
    drain._memories[pipeline.shard.pk].refresh_instruments()
    pass_flat_by(pipeline)
    pipeline.restart()
    pipeline.play("1505.00")
    assert (quantity_of(pipeline.infy), quantity_of(tcs)) == (0, 10)
    assert not Signal.objects.filter(instrument=tcs, kind="exit").exists()
    Instrument.objects.filter(pk=tcs.pk).update(listed=True)
    pipeline.restart()
    tick_of(pipeline, tcs, "1499.00", "1499.00", "1499.00")
    assert quantity_of(tcs) == 0


def test_what_was_held_back_is_still_due_after_a_restart_before_the_next_checkpoint(pipeline, tcs):
    """A rebuild that hears the flat-by time again must not believe that it asked for the exit."""
    deployment = pipeline.deploy(name="both", parameters=WIDE, flat_by=time(10, 0, 15))
    deployment.instruments.add(tcs)
    pipeline.start(deployment)
    pipeline.play("1505.00", "1499.00", "1500.00")
    tick_of(pipeline, tcs, "1499.00", "1499.00", "1499.00")
    unlist(tcs)
    drain._memories[pipeline.shard.pk].refresh_instruments()
    pipeline.play("1505.00", "1505.00")
    pipeline.play("1505.00", "1505.00", "1505.00", after=4)
    assert (quantity_of(pipeline.infy), quantity_of(tcs)) == (0, 10)
    pipeline.restart()
    pipeline.play("1505.00")
    Instrument.objects.filter(pk=tcs.pk).update(listed=True)
    pipeline.restart()
    tick_of(pipeline, tcs, "1499.00", "1499.00", "1499.00")
    assert quantity_of(tcs) == 0


def test_it_is_not_resumed_before_its_instrument_is_listed_again(pipeline, both, tcs):
    unlist(tcs)
    drain._memories[pipeline.shard.pk].refresh_instruments()
    pipeline.play("1505.00")
    both.refresh_from_db()
    with pytest.raises(NotAllowed, match=r"no longer listed: NSE:TCS"):
        resume_deployment(both, by="tests")
    Instrument.objects.filter(pk=tcs.pk).update(listed=True)
    resume_deployment(both, by="tests")
    pipeline.play("1505.00", "1505.00")
    both.refresh_from_db()
    assert both.state == "running"
