"""Why nothing was done is kept, sampled: one of a kind each minute."""

from trading.tests.run.run_cases import HostedRun, codes, wait
from trading.tests.strategies.market_day import INFY, at


def test_a_wait_of_a_kind_is_kept_once_a_minute():
    hosted = HostedRun()
    kept = [len(hosted.tick("100", clock, wait())) for clock in ("10:00:00", "10:00:30", "10:00:59", "10:01:00")]
    assert kept == [1, 0, 0, 1]


def test_a_wait_of_another_kind_is_kept_at_once_and_fluttering_adds_nothing():
    hosted = HostedRun()
    kinds = [codes(hosted.tick("100", f"10:00:{second:02}", wait("ab"[second % 2]))) for second in range(20)]
    assert [kind for kept in kinds for kind in kept] == ["a", "b"]


def test_a_strategy_can_ask_whether_a_wait_would_be_kept():
    hosted = HostedRun()
    context = hosted.host._positions.context
    assert context.records_wait(INFY, "test")
    hosted.tick("100", "10:00:00", wait())
    assert not context.records_wait(INFY, "test")
    context.move_to(at("10:01"))
    assert context.records_wait(INFY, "test")


def test_decisions_are_numbered_without_holes():
    hosted = HostedRun()
    numbers = [made.number for second in range(5) for made in hosted.tick("100", f"10:0{second}", wait())]
    assert numbers == [1, 2, 3, 4, 5]
