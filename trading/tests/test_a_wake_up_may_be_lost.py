"""A wake-up that cannot be sent costs a sweep and nothing else: what was committed stays done."""

from typing import Any

import pytest
import redis
from kombu.exceptions import OperationalError

from trading import wakeups


class DeadClient:
    def set(self, *_: Any, **__: Any) -> None:
        raise redis.ConnectionError("refused")


def test_a_dead_valkey_is_only_logged(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(wakeups, "valkey_client", DeadClient)
    wakeups.wake_stage(wakeups.ASSESS, "an account", "risk")


def test_a_message_that_cannot_be_sent_is_only_logged(monkeypatch: pytest.MonkeyPatch, valkey: Any) -> None:
    def refuse(*_: Any, **__: Any) -> None:
        raise OperationalError("refused")

    monkeypatch.setattr(wakeups.app, "send_task", refuse)
    wakeups.wake_stage(wakeups.ASSESS, "an account", "risk")


def test_a_fault_of_ours_is_not_taken_for_a_lost_message(monkeypatch: pytest.MonkeyPatch, valkey: Any) -> None:
    def broken(*_: Any, **__: Any) -> None:
        raise ZeroDivisionError

    monkeypatch.setattr(wakeups.app, "send_task", broken)
    with pytest.raises(ZeroDivisionError):
        wakeups.wake_stage(wakeups.ASSESS, "an account", "risk")
