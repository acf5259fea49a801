"""When something is said: at once or after its wait, again while somebody must act, and when it is over."""

from datetime import UTC, datetime, timedelta

import pytest

from alphapanda.alerts.rules import AGAIN, QUIET_FOR_OVER, RETRY, Act, Open, Wrong, acts

NOW = datetime(2026, 11, 23, 5, 0, tzinfo=UTC)
SECOND = timedelta(seconds=1)


def standing(key: str = "exits_stuck", **changes: object) -> Open:
    values = {
        "key": key,
        "is_urgent": True,
        "opened_at": NOW - AGAIN,
        "last_seen_at": NOW,
        "said_at": NOW - SECOND,
        "tried_at": None,
        "is_acknowledged": False,
    }
    return Open(**{**values, **changes})  # type: ignore[arg-type]


def due(wrong: list[Wrong], *rows: Open) -> list[tuple[Act, str]]:
    return list(acts(wrong, rows, NOW))


STUCK = Wrong("exits_stuck", "1 exit needs you.", is_urgent=True)
CALM = Wrong("dead_letters", "1 piece of work was given up.")


def test_what_a_person_must_do_is_said_at_once() -> None:
    assert due([STUCK]) == [(Act.OPEN, "exits_stuck"), (Act.SAY, "exits_stuck")]


@pytest.mark.parametrize(("seconds", "is_said"), [(29, False), (30, True)])
def test_what_may_heal_is_given_its_time(seconds: int, is_said: bool) -> None:
    wrong = Wrong("unconfirmed", "All right, except one order.", is_urgent=True)
    assert due([wrong]) == [(Act.OPEN, "unconfirmed")]
    row = standing("unconfirmed", opened_at=NOW - seconds * SECOND, said_at=None)
    assert due([wrong], row) == [(Act.SAY, "unconfirmed")] * is_said


@pytest.mark.parametrize(
    ("changes", "is_said"),
    [
        ({"said_at": NOW - AGAIN + SECOND}, False),
        ({"said_at": NOW - AGAIN}, True),
        ({"said_at": NOW - AGAIN, "is_acknowledged": True}, False),
        ({"said_at": NOW - AGAIN, "tried_at": NOW - RETRY + SECOND}, False),
        ({"said_at": NOW - AGAIN, "tried_at": NOW - RETRY}, True),
        ({"said_at": None, "tried_at": NOW - RETRY}, True),
    ],
)
def test_it_is_said_again_until_somebody_knows(changes: dict[str, object], is_said: bool) -> None:
    assert due([STUCK], standing(**changes)) == [(Act.SAY, "exits_stuck")] * is_said


def test_what_needs_nobody_is_said_once() -> None:
    assert due([CALM], standing("dead_letters", is_urgent=False, said_at=NOW - 10 * AGAIN)) == []


@pytest.mark.parametrize(("quiet", "is_over"), [(QUIET_FOR_OVER - SECOND, False), (QUIET_FOR_OVER, True)])
def test_it_is_over_when_it_stays_away(quiet: timedelta, is_over: bool) -> None:
    assert due([], standing(last_seen_at=NOW - quiet)) == [(Act.END, "exits_stuck")] * is_over
