"""A process that lives is heard, one that ends takes its leave, and one that was killed is missed."""

import os
import signal
import socket
import subprocess
import sys
import time
from datetime import UTC, datetime, timedelta

import pytest
import redis
import structlog
from redis.backoff import NoBackoff
from redis.retry import Retry

from alphapanda.core.telemetry.heartbeats import Heartbeat, keep_beating, read_processes, read_starts

LIVES = (
    "import sys;"
    "from alphapanda.core.telemetry import heartbeats; heartbeats.begin_heartbeat('worker', 'what it does');"
    "heartbeats._begun.beat(); print('beats', flush=True); sys.stdin.read()"
)


@pytest.fixture
def heard(valkey):
    valkey.flushdb()
    return lambda: read_processes(valkey, datetime.now(UTC))  # noqa: TID251 (beats are this machine's time)


def start() -> subprocess.Popen[str]:
    process = subprocess.Popen(
        [sys.executable, "-c", LIVES],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
        env=os.environ | {"DJANGO_SETTINGS_MODULE": "alphapanda.settings"},
    )
    assert process.stdout is not None
    assert process.stdout.readline() == "beats\n"
    return process


def until(condition):
    ends = time.monotonic() + 10
    while not condition():
        assert time.monotonic() < ends, "it never came"
        time.sleep(0.01)


def test_a_process_that_ends_takes_its_name_off(heard):
    process = start()
    [found] = heard()
    assert (found.name, found.does, found.pid) == (f"worker@{socket.gethostname()}", "what it does", process.pid)
    process.communicate("")
    assert heard() == []


def test_a_killed_process_leaves_its_name_and_is_missed(heard):
    process = start()
    process.send_signal(signal.SIGKILL)
    process.communicate()
    [found] = heard()
    assert not found.is_silent(found.heard_at + timedelta(seconds=3))
    assert found.is_silent(found.heard_at + timedelta(seconds=4))


def test_a_start_after_an_orderly_end_follows_nobody(heard, valkey):
    for _ in range(2):
        start().communicate("")
    assert [one.before for one in read_starts(valkey)] == [None, None]


def test_a_start_after_a_kill_names_the_one_that_was_killed(heard, valkey):
    killed = start()
    killed.send_signal(signal.SIGKILL)
    killed.communicate()
    again = start()
    newest, first = read_starts(valkey)
    again.communicate("")
    assert (newest.process.pid, newest.before.pid, newest.before.error) == (again.pid, killed.pid, "")
    assert (first.process.pid, first.before) == (killed.pid, None)


def test_a_start_after_an_error_says_which(heard, valkey):
    command = [sys.executable, "-c", LIVES.replace("sys.stdin.read()", "raise RuntimeError('boom')")]
    environment = os.environ | {"DJANGO_SETTINGS_MODULE": "alphapanda.settings"}
    subprocess.run(command, env=environment, check=False, capture_output=True)
    start().communicate("")
    assert read_starts(valkey)[0].before.error == "RuntimeError"


def test_a_process_that_dies_of_an_error_is_missed(heard):
    command = [sys.executable, "-c", LIVES.replace("sys.stdin.read()", "raise RuntimeError('boom')")]
    environment = os.environ | {"DJANGO_SETTINGS_MODULE": "alphapanda.settings"}
    subprocess.run(command, env=environment, check=False, capture_output=True)
    assert len(heard()) == 1


def test_a_block_that_fails_leaves_its_name(heard):
    def fail():
        with keep_beating("feed kite", "ticks"):
            until(heard)
            raise RuntimeError("the lease is lost")

    with pytest.raises(RuntimeError):
        fail()
    assert len(heard()) == 1


def test_started_again_it_is_the_same_process_with_another_id(heard):
    first = start()
    first.kill()
    first.communicate()
    again = start()
    assert [found.pid for found in heard()] == [again.pid]
    again.communicate("")


def test_while_a_block_beats_it_is_heard(heard):
    with keep_beating("feed kite", "ticks"):
        until(heard)
    assert heard() == []


def test_a_name_not_heard_for_a_day_is_forgotten(heard, valkey):
    Heartbeat("old", "", valkey).beat()
    [found] = heard()
    assert read_processes(valkey, found.heard_at + timedelta(hours=23)) == [found]
    assert read_processes(valkey, found.heard_at + timedelta(hours=25)) == []


def test_without_valkey_it_says_so_once_and_goes_on():
    away = Heartbeat("worker", "", redis.Redis(port=1, retry=Retry(NoBackoff(), 0)))
    with structlog.testing.capture_logs() as logs:
        away.beat()
        away.beat()
    assert [line["event"] for line in logs] == ["heartbeat_lost"]
