"""Events are written with the change and announced after it; dead letters wait for a decision."""

from uuid import UUID

import pytest
from django.db import IntegrityError, InternalError, transaction
from structlog.testing import capture_logs

from alphapanda.core.journal import services
from alphapanda.core.journal.models import DeadLetter, Event
from alphapanda.core.telemetry import logs

pytestmark = pytest.mark.django_db


def test_an_event_is_announced_only_after_its_change_committed(monkeypatch, django_capture_on_commit_callbacks):
    announced = []
    monkeypatch.setattr(services, "announce_event", announced.append)
    with django_capture_on_commit_callbacks(execute=True):
        event = services.record_event("order.filled", key="AP1", payload={"quantity": 10})
        assert announced == []
    assert announced == [event]


@pytest.mark.parametrize("goes_on", [True, False])
def test_a_process_that_goes_on_logs_its_events_and_a_command_at_a_terminal_does_not(
    monkeypatch, django_capture_on_commit_callbacks, goes_on
):
    monkeypatch.setattr(logs, "is_publishing", lambda: goes_on)
    with capture_logs() as logged, django_capture_on_commit_callbacks(execute=True):
        services.record_event("order.filled", key="AP1", payload={"quantity": 10}, correlation=UUID(int=7))
    told = {"key": "AP1", "correlation": str(UUID(int=7)), "payload": {"quantity": 10}}
    assert logged == ([{"event": "order.filled", "log_level": "info", **told}] if goes_on else [])


def test_an_event_is_a_fact_and_cannot_be_changed():
    services.record_event("order.filled", key="AP1", payload={})
    with pytest.raises((IntegrityError, InternalError), match="append-only"), transaction.atomic():
        Event.objects.update(key="AP2")


def test_work_given_up_twice_is_one_open_dead_letter():
    for attempts in (3, 4):
        services.give_up("assess_signals", "account", "signal-1", attempts, "boom", {})
    assert DeadLetter.objects.values_list("attempts", flat=True).get() == 4


def test_replaying_a_dead_letter_makes_its_row_pending_again():
    seen = []
    services.on_replay("some_stage")(lambda letter: seen.append(letter.key))
    services.replay_dead_letter(services.give_up("some_stage", "p", "row-1", 3, "boom", {}), by="V. Mehta")
    assert seen == ["row-1"]
    assert DeadLetter.objects.get().state == "replayed"


def test_a_dead_letter_is_decided_once():
    letter = services.give_up("some_stage", "p", "row-1", 3, "boom", {})
    services.drop_dead_letter(letter, by="V. Mehta")
    with pytest.raises(services.CannotDecide):
        services.drop_dead_letter(letter, by="V. Mehta")
