"""Rules of a run this version breaks: whoever mends one takes its mark away."""

from datetime import timedelta

import pytest

from trading.tests.run.run_cases import HostedRun
from trading.tests.strategies.market_day import at


@pytest.mark.xfail(raises=AssertionError, reason="an exit that rests is never asked, repriced or cancelled again")
def test_a_stop_exit_that_rests_unfilled_is_asked_again_or_repriced():
    hosted = HostedRun().entered(stop="95")
    assert len(hosted.tick("94.90", "10:05")) == 1
    later = []
    for second in range(1, 3600):
        later += hosted.time(at("10:05") + timedelta(seconds=second))
    assert later + hosted.tick("70", "11:06") != []


@pytest.mark.xfail(raises=AssertionError, reason="the flat-by time of a day without a session is always past")
def test_no_exit_is_asked_on_a_day_without_a_session():
    hosted = HostedRun().entered()
    saturday = at("00:00:30") + timedelta(days=1)
    assert saturday.weekday() == 5
    asked = 0
    for second in range(0, 3600, 10):
        for decision in hosted.time(saturday + timedelta(seconds=second)):
            asked += 1
            hosted.ended("denied", decision.number)
    assert asked == 0
