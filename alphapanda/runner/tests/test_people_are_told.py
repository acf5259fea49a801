"""From what Live says is wrong to a message at a receiver: once, again, over; and what fails is not lost."""

from datetime import timedelta
from io import StringIO
from typing import Any

import pytest
import structlog
from django.core.management import CommandError, call_command
from django.db import OperationalError

from alphapanda.alerts import sending, services
from alphapanda.alerts.models import Alert
from alphapanda.alerts.rules import AGAIN, QUIET_FOR_OVER, RETRY
from alphapanda.core.clock.market_time import wall_now
from alphapanda.core.journal.models import DeadLetter, Event
from alphapanda.dashboard import panels
from alphapanda.dashboard.panels.live.events import event_sentence
from alphapanda.flight import Finding, Level
from alphapanda.runner import alerting, morning
from alphapanda.runner.alerting import Alerting
from alphapanda.runner.tests.conftest import Receiver
from alphapanda.tests.people import person
from tests.stories.pipeline import at, load_sessions
from trading.orders import kill_switch
from trading.orders.life_cycle import GateState

HALTED = "Alpha Panda: Halted by mehta"
SECOND = timedelta(seconds=1)


@pytest.fixture
def desk(db: None, valkey: Any, receiver: Receiver) -> Alerting:
    kill_switch.set_level(None, GateState.ACTIVE, "mehta", "")
    return Alerting()


def halt() -> None:
    kill_switch.set_level(None, GateState.HALTED, "mehta", "lunch")


def test_all_right_tells_nobody(desk: Alerting, receiver: Receiver) -> None:
    desk.look_once(wall_now())
    assert (receiver.heard, Alert.objects.count()) == ([], 0)


def test_a_halt_is_told_once_again_after_five_minutes_and_when_it_is_over(desk: Alerting, receiver: Receiver) -> None:
    halt()
    now = wall_now()
    for moment in (now, now + 5 * SECOND, now + AGAIN + SECOND):
        desk.look_once(moment)
    assert [title.startswith(HALTED) for title in receiver.titles()] == [True, True]
    assert receiver.heard[0]["type"] == "failure"
    assert "lunch" in receiver.heard[0]["title"]
    kill_switch.set_level(None, GateState.ACTIVE, "mehta", "")
    for moment in (now + AGAIN + 6 * SECOND, now + AGAIN + 2 * QUIET_FOR_OVER):
        desk.look_once(moment)
    assert receiver.titles()[2].startswith("Alpha Panda: over: Halted")
    assert Alert.objects.get().ended_at is not None
    (told,) = Event.objects.filter(kind="alert.said")
    assert event_sentence(told, None)[2].startswith("Told: Halted by mehta")


def test_whoever_knows_hears_it_no_more(desk: Alerting, receiver: Receiver, client: Any) -> None:
    halt()
    now = wall_now()
    desk.look_once(now)
    row = panels.system_snapshot(None)["alerts"]["rows"][0]
    assert row["told"].endswith("told 1 time")
    client.force_login(person("shah", "trader"))
    client.post(row["address"])
    desk.look_once(now + AGAIN + SECOND)
    assert len(receiver.heard) == 1
    row = panels.system_snapshot(None)["alerts"]["rows"][0]
    assert (row["address"], row["told"].endswith("; shah knows")) == (None, True)


def test_what_was_not_taken_is_shown_and_tried_again(desk: Alerting, receiver: Receiver) -> None:
    halt()
    receiver.status = 500
    now = wall_now()
    desk.look_once(now)
    assert "address 1 of ALERT_URLS did not take it" in panels.system_snapshot(None)["alerts"]["rows"][0]["told"]
    receiver.status = 200
    desk.look_once(now + RETRY - SECOND)
    assert receiver.heard == []
    desk.look_once(now + RETRY)
    assert (len(receiver.heard), Alert.objects.get().trouble) == (1, "")


def test_one_address_that_fails_does_not_keep_it_from_the_other(
    desk: Alerting, receiver: Receiver, settings: Any
) -> None:
    settings.ALERT_URLS = ["json://127.0.0.1:1/s3cr3t", *settings.ALERT_URLS]
    halt()
    with structlog.testing.capture_logs() as lines:
        desk.look_once(wall_now())
    assert len(receiver.heard) == 1
    assert Alert.objects.get().trouble == "address 1 of ALERT_URLS did not take it"
    assert "s3cr3t" not in str(lines)


def test_work_that_was_given_up_is_told_once_and_needs_nobodys_word(desk: Alerting, receiver: Receiver) -> None:
    now = wall_now()
    DeadLetter.objects.create(task="trading.tasks.sweep", key="1", error="boom", attempts=3)
    for moment in (now, now + 2 * AGAIN):
        desk.look_once(moment)
    assert receiver.titles() == ["Alpha Panda: 1 piece of work was given up after three attempts."]
    assert panels.system_snapshot(None)["alerts"]["rows"][0]["address"] is None


def test_a_dead_database_is_told_without_it_and_so_is_its_return(
    db: None, receiver: Receiver, monkeypatch: pytest.MonkeyPatch
) -> None:
    def refuse() -> Any:
        raise OperationalError("the server is away")

    desk, now = Alerting(), wall_now()
    with monkeypatch.context() as patched:
        patched.setattr(alerting, "findings_now", refuse)
        patched.setattr(alerting.connection, "close", lambda: None)
        for seconds in (0, 14, 15, 20):
            desk.look_once(now + seconds * SECOND)
        assert receiver.titles() == ["Alpha Panda: the database does not answer."]
        desk.look_once(now + 15 * SECOND + AGAIN)
    assert len(receiver.heard) == 2
    assert receiver.pings == 0
    monkeypatch.setattr(alerting, "findings_now", list)
    desk.look_once(now + 16 * SECOND + AGAIN)
    assert receiver.titles()[-1] == "Alpha Panda: over: the database answers again."


@pytest.mark.parametrize(
    ("clock", "is_told"), [("08:44:59", False), ("08:45:00", True), ("09:14:59", True), ("09:15:00", False)]
)
def test_a_red_flight_check_is_told_in_the_half_hour_before_the_market_opens(
    desk: Alerting, monkeypatch: pytest.MonkeyPatch, clock: str, is_told: bool
) -> None:
    load_sessions()
    asked: list[bool] = []
    reds = [Finding("session", Level.RED, "nobody is logged in"), Finding("disk", Level.OK, "4 GB free")]
    monkeypatch.setattr(morning, "run_checks", lambda quick: asked.append(quick) or reds)
    now = wall_now()
    for seconds in (0, 59):
        told = list(desk.morning.wrong(at(clock), now + seconds * SECOND))
    assert [(one.words, one.detail, one.is_urgent) for one in told] == [
        ("Not fit to trade: session.", "session: nobody is logged in", True)
    ] * is_told
    assert asked == [True] * is_told
    list(desk.morning.wrong(at(clock), now + 60 * SECOND))
    assert asked == [True, True] * is_told


def test_the_watcher_outside_hears_each_minute_that_the_desk_lives(desk: Alerting, receiver: Receiver) -> None:
    now = wall_now()
    for seconds in (0, 5, 59, 60):
        desk.look_once(now + seconds * SECOND)
    assert receiver.pings == 2


def test_of_two_processes_one_speaks(desk: Alerting, receiver: Receiver, monkeypatch: pytest.MonkeyPatch) -> None:
    halt()
    monkeypatch.setattr(alerting, "is_alone", lambda: False)
    desk.look_once(wall_now())
    assert receiver.heard == []


@pytest.mark.parametrize(
    ("urls", "words"),
    [
        ([], "ALERT_URLS is empty"),
        (["nonsense://x"], "address 1 is not understood"),
        (["json://127.0.0.1:1"], "address 1 of"),
    ],
)
def test_a_test_that_cannot_come_says_why(db: None, settings: Any, urls: list[str], words: str) -> None:
    settings.ALERT_URLS = urls
    with pytest.raises(CommandError, match=words):
        call_command("run_alerts", "--test")


def test_a_test_comes(db: None, receiver: Receiver) -> None:
    out = StringIO()
    call_command("run_alerts", "--test", stdout=out)
    assert receiver.titles() == ["Alpha Panda: this is a test"]
    assert "Sent to 1 address" in out.getvalue()


def test_an_acknowledgement_of_what_is_over_changes_nothing(desk: Alerting, receiver: Receiver) -> None:
    halt()
    now = wall_now()
    desk.look_once(now)
    row = Alert.objects.get()
    services.end(row, now)
    services.acknowledge(row, "mehta")
    assert Alert.objects.get().acknowledged_at is None


def test_a_ping_that_is_refused_is_no_reason_to_stop(desk: Alerting, receiver: Receiver) -> None:
    receiver.status = 503
    desk.look_once(wall_now())
    with pytest.raises(sending.NotSaid, match="HTTPError"):
        sending.ping()
