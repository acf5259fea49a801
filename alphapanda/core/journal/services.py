"""Record events with the change they tell of, and decide about dead letters."""

from collections.abc import Callable
from typing import Any
from uuid import UUID

from django.db import transaction

from alphapanda.core.clock import market_now
from alphapanda.core.clock.market_time import wall_now
from alphapanda.core.journal.announcements import announce_event
from alphapanda.core.journal.models import DeadLetter, Event
from alphapanda.core.telemetry import metrics

Replay = Callable[[DeadLetter], None]
_replays: dict[str, Replay] = {}


def record_event(
    kind: str,
    *,
    key: str,
    payload: dict[str, Any],
    account_id: UUID | None = None,
    correlation: UUID | None = None,
    causation: UUID | None = None,
) -> Event:
    """Write an event in the caller's transaction and announce it once that has committed."""
    event = Event.objects.create(
        kind=kind,
        key=key,
        payload=payload,
        account_id=account_id,
        correlation=correlation,
        causation=causation,
        market_time=market_now(),
    )
    transaction.on_commit(lambda: announce_event(event))
    return event


def on_replay(task: str) -> Callable[[Replay], Replay]:
    """Register what replaying a dead letter of ``task`` means: make its row pending again."""

    def register(replay: Replay) -> Replay:
        _replays[task] = replay
        return replay

    return register


def give_up(task: str, partition: str, key: str, attempts: int, error: str, payload: dict[str, Any]) -> DeadLetter:
    """Keep work that failed too often where a person will see it."""
    letter, _ = DeadLetter.objects.update_or_create(
        task=task,
        key=key,
        state=DeadLetter.State.OPEN,
        defaults={"partition": partition, "attempts": attempts, "error": error[:4000], "payload": payload},
    )
    metrics.DEAD_LETTERS.labels(task).inc()
    record_event("dead_letter.opened", key=key, payload={"task": task, "error": error[:500]})
    return letter


class CannotDecide(Exception):
    """The dead letter is not open, or its stage cannot be replayed."""


@transaction.atomic
def replay_dead_letter(letter: DeadLetter, by: str) -> None:
    if letter.task not in _replays:
        raise CannotDecide(f"nothing knows how to replay {letter.task}")
    _decide(letter, DeadLetter.State.REPLAYED, by)
    _replays[letter.task](letter)


@transaction.atomic
def drop_dead_letter(letter: DeadLetter, by: str) -> None:
    _decide(letter, DeadLetter.State.DROPPED, by)


def _decide(letter: DeadLetter, state: DeadLetter.State, by: str) -> None:
    decided = DeadLetter.objects.filter(pk=letter.pk, state=DeadLetter.State.OPEN).update(
        state=state, decided_by=by, decided_at=wall_now()
    )
    if not decided:
        raise CannotDecide("it has been decided already")
    record_event(f"dead_letter.{state}", key=letter.key, payload={"task": letter.task, "by": by})
