"""A stage with much to do stops in time, says that there is more, and goes on where it stopped."""

from trading import wakeups
from trading.models import Signal
from trading.orders.life_cycle import SignalState
from trading.risk import assessment


def test_judging_stops_in_time_and_wakes_itself_for_the_rest(pipeline, monkeypatch):
    woken = []
    monkeypatch.setattr(wakeups, "wake_stage", lambda stage, partition, queue: woken.append((stage, queue)))
    for _ in range(2):
        pipeline.start(pipeline.deploy())
    pipeline.play("1505.00")
    pipeline.tick("1499.00")
    pipeline.drain()
    new = Signal.objects.filter(state=SignalState.NEW)
    assert new.count() == 2
    woken.clear()
    monkeypatch.setattr(wakeups, "LONGEST_DRAIN_SECONDS", -1.0)
    assessment.assess_signals(pipeline.account.pk)
    assert new.count() == 1
    assert (wakeups.ASSESS, "risk") in woken
    assessment.assess_signals(pipeline.account.pk)
    assert new.count() == 0
