"""Why nothing was done is kept, sampled: one of a kind each minute."""

from trading.tests.run.run_cases import HostedRun, buy, codes, leave, wait
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


def test_waits_are_numbered_without_holes_and_take_no_number_from_a_decision():
    hosted = HostedRun()
    says = (wait(), wait("other"), buy(), wait("third"), wait())
    made = [made for minute, said in enumerate(says) for made in hosted.tick("100", f"10:0{minute}", said)]
    numbered = [(one.kind, one.number) for one in made]
    assert numbered == [("wait", 1), ("wait", 2), ("enter", 1), ("cancel", 2), ("wait", 3), ("wait", 4)]


def test_a_run_that_keeps_no_waits_makes_none_and_says_that_their_words_are_not_needed():
    hosted = HostedRun(keeps_waits=False)
    assert not hosted.host._positions.context.records_wait(INFY, "test")
    made = hosted.tick("100", "10:00", wait(), buy())
    assert [(one.kind, one.number) for one in made] == [("enter", 1)]


def test_what_was_saved_before_waits_were_counted_apart_goes_on_from_its_number():
    hosted, again = HostedRun().entered(), HostedRun()
    saved = hosted.host.save()
    saved["positions"]["next_number"] = 70  # 68 waits before the entry, in the one series there was
    del saved["positions"]["next_wait"]
    again.host.restore(saved)
    made = [*again.tick("101", "10:05", wait()), *again.tick("101", "10:06", leave())]
    assert [(one.kind, one.number) for one in made] == [("wait", 1), ("exit", 70)]
