"""The timer that stops a strategy's callback."""

import signal
import time

import pytest

from trading.run.callback_guard import CallbackGuard
from trading.run.faults import CallbackTimedOut


def spin():
    while True:
        pass


def stubborn():
    while True:
        try:
            spin()
        except:  # noqa: E722
            if time.monotonic() > stubborn.gives_up_at:
                raise


def test_a_quick_call_returns_its_answer():
    assert CallbackGuard()(lambda: 42) == 42


def test_an_endless_loop_is_stopped_in_time():
    began = time.monotonic()
    with pytest.raises(CallbackTimedOut, match="took more than 50 ms of CPU time"):
        CallbackGuard(0.05)(spin)
    assert time.monotonic() - began < 2


def test_a_loop_that_swallows_everything_is_asked_again_and_again():
    stubborn.gives_up_at = time.monotonic() + 0.12
    with pytest.raises(CallbackTimedOut):
        CallbackGuard(0.05)(stubborn)


def test_only_the_calls_own_time_counts_and_not_the_machines():
    CallbackGuard(0.1)(lambda: time.sleep(0.3))


def test_a_call_that_only_waits_is_stopped_too_after_ten_times_as_long():
    began = time.monotonic()
    with pytest.raises(CallbackTimedOut, match="waited more than 200 ms"):
        CallbackGuard(0.02)(lambda: time.sleep(10))
    assert time.monotonic() - began < 5


def test_a_time_out_is_no_ordinary_exception():
    assert not issubclass(CallbackTimedOut, Exception)


def test_afterwards_no_timer_runs_and_the_handler_is_the_one_before():
    before = signal.getsignal(signal.SIGALRM)
    signal.setitimer(signal.ITIMER_REAL, 0)
    CallbackGuard()(lambda: None)
    assert signal.getitimer(signal.ITIMER_REAL) == signal.getitimer(signal.ITIMER_PROF) == (0, 0)
    assert signal.getsignal(signal.SIGALRM) is before


def test_a_timer_that_ran_before_goes_on():
    was = signal.setitimer(signal.ITIMER_REAL, 60)
    try:
        CallbackGuard()(lambda: None)
        left, _ = signal.getitimer(signal.ITIMER_REAL)
        assert 50 < left <= 60
    finally:
        signal.setitimer(signal.ITIMER_REAL, *was)


def test_what_the_call_raises_comes_through():
    with pytest.raises(ZeroDivisionError):
        CallbackGuard()(lambda: 1 / 0)


# ---- many calls in a row ------------------------------------------------------------------------------------------


def test_on_watch_a_loop_without_end_is_stopped_and_the_next_call_runs():
    guard = CallbackGuard(0.05)
    with guard.on_watch():
        with pytest.raises(CallbackTimedOut, match="took more than 50 ms of CPU time"):
            guard(spin)
        assert guard(lambda: 42) == 42


def test_on_watch_a_loop_that_swallows_everything_is_asked_again_and_again():
    stubborn.gives_up_at = time.monotonic() + 0.3
    guard = CallbackGuard(0.05)
    with guard.on_watch(), pytest.raises(CallbackTimedOut):
        guard(stubborn)


def test_on_watch_a_call_that_only_waits_is_stopped_too():
    guard = CallbackGuard(0.01)
    with guard.on_watch(), pytest.raises(CallbackTimedOut, match="waited more than 100 ms"):
        guard(lambda: time.sleep(10))


def test_on_watch_many_short_calls_may_take_longer_together():
    guard, ends = CallbackGuard(0.02), time.process_time() + 0.3
    with guard.on_watch():
        while time.process_time() < ends:
            guard(lambda: sum(range(100)))


def test_on_watch_what_lies_between_calls_is_not_limited():
    guard, ends = CallbackGuard(0.02), time.process_time() + 0.3
    with guard.on_watch():
        while time.process_time() < ends:
            pass


def test_what_makes_steps_is_watched_and_what_is_done_with_them_is_not():
    guard = CallbackGuard(0.05)

    def steps():
        yield guard(lambda: 1)
        guard(spin)

    watched = guard.watch_each(steps())
    assert next(watched) == 1
    assert signal.getitimer(signal.ITIMER_PROF) == (0, 0)
    with pytest.raises(CallbackTimedOut):
        next(watched)
