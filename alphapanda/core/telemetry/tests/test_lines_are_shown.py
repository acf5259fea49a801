"""What a process logs is shown as it is written: bounded, without secrets, and never at the cost of the process."""

import json
import os
import socket
import subprocess
import sys
import threading
import time

import pytest
import redis
from redis.backoff import NoBackoff
from redis.retry import Retry

from alphapanda.core.telemetry import live_lines
from alphapanda.core.telemetry.live_lines import HELD, KEPT, LinePublisher, line_of, read_after, read_newest

CANARY = "c4n4ry53cr3t"
LOGS = """
import logging, os, structlog, sys
import django; django.setup()
from alphapanda.core.telemetry import live_lines
live_lines.begin_publishing("worker")
"""


def publisher(client=None) -> LinePublisher:
    """One whose rounds the test makes itself."""
    made = LinePublisher("worker@desk", lambda: client or redis.Redis(port=1, retry=Retry(NoBackoff(), 0)))
    made._start = lambda: None
    return made


@pytest.fixture
def shown(valkey):
    valkey.flushdb()
    return lambda most=KEPT: [json.loads(text) for _, text in read_newest(valkey, most)]


def run(code: str, **environment: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "-c", LOGS + code],
        env=os.environ | {"DJANGO_SETTINGS_MODULE": "alphapanda.settings", "LOG_LEVEL": "INFO"} | environment,
        check=True,
        capture_output=True,
        text=True,
        timeout=100,
    )


def test_a_process_shows_its_lines_with_what_they_tell(shown):
    run("structlog.get_logger('trading.orders').warning('order_unconfirmed', tag='AP1', about={'reason': 'silence'})")
    [line] = shown()
    assert (line["process"], line["level"], line["event"]) == (
        f"worker@{socket.gethostname()}",
        "warning",
        "order_unconfirmed",
    )
    assert (line["logger"], line["fields"]) == ("trading.orders", [["tag", "AP1"], ["reason", "silence"]])
    assert line["at"].endswith("+05:30")


def test_a_librarys_lines_are_shown_in_the_same_form(shown):
    run("logging.getLogger('library').error('it took %d s', 3)")
    [line] = shown()
    assert (line["logger"], line["level"], line["event"]) == ("library", "error", "it took 3 s")


def test_a_forked_child_shows_its_lines_too(shown):
    run(
        "log = structlog.get_logger(); log.info('parent'); child = os.fork()\n"
        "log.info('child') if child == 0 else os.waitpid(child, 0)"
    )
    assert {line["event"] for line in shown()} == {"parent", "child"}
    assert len({line["pid"] for line in shown()}) == 2


def test_a_fork_waits_until_nothing_is_being_sent(valkey, monkeypatch):
    sending, may_end = threading.Event(), threading.Event()
    busy = LinePublisher("worker@desk", lambda: valkey)
    monkeypatch.setattr(busy, "send_round", lambda: (sending.set(), may_end.wait()))
    busy.put({"event": "a line"})
    sending.wait()
    forking = threading.Thread(target=busy.hold_still)
    forking.start()
    assert forking.is_alive()
    may_end.set()
    forking.join()
    assert busy._busy.locked()
    busy.go_on()
    busy.end()


@pytest.mark.parametrize(
    "line",
    [
        f"structlog.get_logger().info('asked', access_token='{CANARY}')",
        f"structlog.get_logger().info('asked', headers={{'Authorization': 'token a:{CANARY}'}})",
        f"structlog.get_logger().warning('failed', error=ValueError('GET /?api_key=abc&request_token={CANARY}'))",
        f"logging.getLogger('library').warning('GET /?access_token=%s', '{CANARY}')",
        f"try:\n raise ValueError('password={CANARY}')\nexcept ValueError: structlog.get_logger().exception('failed')",
    ],
)
def test_no_secret_is_shown_or_written(shown, line):
    written = run(line).stderr
    assert len(shown()) == 1
    assert CANARY not in written + str(shown())


def test_a_level_that_is_not_logged_is_not_shown(shown):
    run("structlog.get_logger().info('quiet'); structlog.get_logger().warning('loud')", LOG_LEVEL="WARNING")
    assert [line["event"] for line in shown()] == ["loud"]


def test_a_command_at_a_terminal_shows_nothing(shown):
    code = LOGS.replace('live_lines.begin_publishing("worker")', "structlog.get_logger().warning('said')")
    environment = os.environ | {"DJANGO_SETTINGS_MODULE": "alphapanda.settings"}
    subprocess.run([sys.executable, "-c", code], env=environment, check=True, capture_output=True)
    assert shown() == []


def test_a_line_is_never_longer_than_some_5_kb():
    event = {"event": "x" * 9000, "exception": "t" * 9000 + "the end"} | {f"field{n}": "v" * 9000 for n in range(99)}
    text = line_of(event, "worker@desk")
    assert len(text) < 4800
    assert b"the end" in text


def test_what_is_no_text_is_shown_all_the_same():
    line = json.loads(line_of({"event": None, 3: {4: None}, "list": [1, "a"]}, "worker@desk"))
    assert line["fields"] == [["4", "None"], ["list", "[1, 'a']"]]
    assert json.loads(line_of({"event": "half \ud83d a character"}, "worker@desk"))["event"] == "half ? a character"


def test_whatever_fails_is_said_once_and_the_next_lines_are_shown(valkey, shown, caplog, monkeypatch):
    failing = publisher(valkey)
    with monkeypatch.context() as broken:
        broken.setattr(live_lines, "line_of", lambda *_: 1 / 0)
        for n in range(3):
            failing.put({"event": f"n{n}"})
            failing.send_round()
    failing.put({"event": "mended"})
    failing.send_round()
    assert [line["event"] for line in shown()] == ["mended"]
    assert [record.msg["event"] for record in caplog.records] == ["log_lines_not_shown", "log_lines_dropped"]


def test_a_flood_is_dropped_counted_and_said(valkey, shown, caplog):
    flooded = publisher(valkey)
    for n in range(HELD + 7):
        flooded.put({"event": f"n{n}", "level": "info"})
    flooded.send_round()
    assert len(shown()) == live_lines.ROUND_LINES
    assert [record.msg["count"] for record in caplog.records] == [7]


def test_in_a_flood_trouble_is_still_shown(valkey, shown):
    flooded = publisher(valkey)
    for n in range(HELD + 7):
        flooded.put({"event": f"n{n}", "level": "info"})
    flooded.put({"event": "order_overfilled", "level": "error"})
    while flooded._held:
        flooded.send_round()
    assert shown()[-1]["event"] == "order_overfilled"


def test_the_stream_is_bounded_and_does_not_live_for_ever(valkey):
    full = publisher(valkey)
    for n in range(KEPT + 300):
        full.put({"event": f"n{n}", "level": "info"})
        if n % 10 == 0:
            full.send_round()
    assert KEPT - 100 <= valkey.xlen(live_lines.STREAM) <= KEPT + 100
    assert 0 < valkey.ttl(live_lines.STREAM) <= 86_400


def test_without_valkey_logging_goes_on_and_what_was_lost_is_said_when_it_is_back(valkey, shown, caplog):
    away = publisher()
    for n in range(3):
        away.put({"event": f"n{n}", "level": "info"})
        away.send_round()
    assert [record.msg["event"] for record in caplog.records] == ["log_lines_not_shown"]
    away._client = valkey
    away.put({"event": "back", "level": "info"})
    away.send_round()
    assert [line["event"] for line in shown()] == ["back"]
    assert caplog.records[-1].msg["count"] == 3


def test_a_valkey_that_hangs_keeps_nobody_waiting():
    with socket.create_server(("127.0.0.1", 0)) as silent:
        port = silent.getsockname()[1]
        hung = LinePublisher("worker@desk", lambda: redis.Redis(port=port, socket_timeout=1, retry=None))
        began = time.monotonic()
        for n in range(1000):
            hung.put({"event": f"n{n}", "level": "info"})
        assert time.monotonic() - began < 1
        assert len(hung._held) >= HELD - live_lines.ROUND_LINES


def test_lines_are_read_on_from_a_place(valkey, shown):
    one = publisher(valkey)
    for n in range(5):
        one.put({"event": f"n{n}"})
        one.send_round()
    [*_, (place, _)] = read_newest(valkey, 2)
    one.put({"event": "later"})
    one.send_round()
    assert [json.loads(text)["event"] for _, text in read_after(valkey, place, 10)] == ["later"]
    assert [line["event"] for line in shown(2)] == ["n4", "later"]
