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
