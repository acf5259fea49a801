"""What a worker process logs is on the System page as it is written: filtered, searched, held and followed."""

import json
import os
import subprocess
import sys
import time
import urllib.request
from collections.abc import Iterator
from typing import Any
from urllib.parse import quote

import pytest
from django.db import connection
from playwright.sync_api import expect

from alphapanda.celery import app
from alphapanda.dashboard.sign_in_links import make_sign_in_link
from alphapanda.dashboard.tests.conftest import SampleDay
from alphapanda.runner.embedded import free_port

pytestmark = [pytest.mark.django_db(transaction=True)]
TAG, SECRET = "APLHJ5XUB6TZVRRR", "c4n4ry53cr3t"
WORKER = """
import structlog
from alphapanda.celery import app

@app.task(name="probe.log")
def log(tag, secret):
    structlog.get_logger("trading.orders.execution").info("order_waits_for_rate", tag=tag, access_token=secret)
    print("printed by a strategy")

app.worker_main(["worker", "-n", "probe@desk", "-Q", "probe", "-c", "1", "--without-gossip", "--without-mingle"])
"""


def environment() -> dict[str, str]:
    of = connection.settings_dict
    database = f"postgres://{of['USER']}@{quote(of['HOST'], safe='')}/{of['NAME']}"
    return os.environ | {
        "DATABASE_URL": database,
        "DJANGO_SETTINGS_MODULE": "alphapanda.settings",
        "LOG_LEVEL": "INFO",
    }


@pytest.fixture
def run_process(tmp_path: Any) -> Iterator[Any]:
    """Return a function that starts a process of the product on this test's servers."""
    processes = []

    def run_it(*command: str) -> None:
        with (tmp_path / f"{len(processes)}.log").open("wb") as output:
            started = subprocess.Popen([sys.executable, *command], env=environment(), stdout=output, stderr=output)
        processes.append(started)

    yield run_it
    for process in processes:
        process.terminate()
    for process in processes:
        process.wait(timeout=30)


@pytest.fixture
def web(run_process: Any) -> str:
    """A real web process: the one that answers browsers' sockets."""
    port = free_port()
    run_process("-m", "daphne", "-b", "127.0.0.1", "-p", str(port), "alphapanda.asgi:application")
    gives_up = time.monotonic() + 60
    while not answers(f"http://127.0.0.1:{port}/healthz"):
        assert time.monotonic() < gives_up, "the web process did not begin"
        time.sleep(0.1)
    return f"http://127.0.0.1:{port}"


def answers(address: str) -> bool:
    try:
        with urllib.request.urlopen(address, timeout=5):
            return True
    except OSError:
        return False


@pytest.fixture
def staff(user: Any) -> Any:
    user.is_staff = True
    user.save()
    return user


def test_what_a_worker_logs_appears_in_the_browser(
    browser: Any, web: str, run_process: Any, staff: Any, sample: SampleDay
) -> None:
    run_process("-c", WORKER)
    page = browser.new_context(base_url=web).new_page()
    page.goto(make_sign_in_link(staff))
    page.goto("/system/")
    app.send_task("probe.log", args=[TAG, SECRET], queue="probe")
    row = page.locator("#log li", has_text=TAG)
    row.wait_for(timeout=60_000)
    assert row.locator("[data-cell=process]").inner_text() == "probe@desk"
    assert row.locator(".code").inner_text().split() == [
        "order_waits_for_rate",
        f"tag={TAG}",
        "access_token=[redacted]",
    ]
    page.locator("#log li", has_text="printed by a strategy").wait_for()
    assert SECRET not in page.content()
    page.context.close()


def line(n: int, **change: Any) -> dict[str, Any]:
    base = {"key": f"{n}-0", "at": "2026-11-20T14:32:08.112+05:30", "level": "info", "process": "ticks@desk", "pid": 7}
    return {**base, "logger": "trading", "event": f"event{n}", "fields": [], "trace": "", **change}


LINES = [
    line(1),
    line(2, level="warning", process="web@desk"),
    line(3, level="error", fields=[["tag", TAG]], trace="ValueError: at the end"),
    line(4, level="debug"),
    line(5, event=f"{TAG} came up"),
]


@pytest.fixture
def log_page(browser: Any, live_server: Any, staff: Any, sample: SampleDay) -> Iterator[Any]:
    """The System page at the end of a socket through which the test speaks: ``page.hear`` is what the server says."""
    page = browser.new_context(base_url=live_server.url).new_page()
    lines: list[Any] = []
    page.problems = []
    page.on("pageerror", lambda error: page.problems.append(str(error)))
    page.route_web_socket("**/ws/v1/", lambda socket: lines.append(socket))
    page.goto(make_sign_in_link(staff))
    page.goto("/system/")
    page.wait_for_function("document.querySelector('#log [data-log=state]').dataset.state === 'live'")
    page.end_line = lambda: lines[-1].close()
    page.shows = lambda *events: wait_for_rows(page, *events)
    page.state = lambda words: page.locator("#log [data-log=state]", has_text=words).wait_for()
    page.hear = lambda told, kind="snapshot", trouble="": speak(lines[-1], told, kind, trouble)
    yield page
    page.context.close()


def speak(socket: Any, lines: list[dict[str, Any]], kind: str, trouble: str) -> None:
    data = {"lines": lines, "missed": 0, "trouble": trouble}
    socket.send(json.dumps({"type": kind, "topic": "logs", "data": data}))


def wait_for_rows(page: Any, *events: str) -> None:
    """Wait until the page shows just these lines, by their first words."""
    rows = "[...document.querySelectorAll('#log li .code b')].map((words) => words.textContent)"
    page.wait_for_function(f"(events) => JSON.stringify({rows}) === JSON.stringify(events)", arg=list(events))


def test_the_newest_stands_first_and_only_info_and_above(log_page: Any) -> None:
    log_page.hear(LINES)
    log_page.shows(f"{TAG} came up", "event3", "event2", "event1")
    assert log_page.locator("#log [data-log=count]").inner_text() == "4 shown of 5"
    assert log_page.problems == []


def test_a_line_that_is_told_twice_stands_once(log_page: Any) -> None:
    log_page.hear(LINES)
    log_page.hear([*LINES[3:], line(6)])
    log_page.shows("event6", f"{TAG} came up", "event3", "event2", "event1")


def test_levels_processes_and_words_are_filtered(log_page: Any) -> None:
    log_page.hear(LINES)
    log_page.locator("#log-level").select_option("warning")
    log_page.shows("event3", "event2")
    log_page.locator("#log-process").select_option("web@desk")
    log_page.shows("event2")
    log_page.locator("#log-search").fill("nothing like it")
    assert log_page.locator("#log .said-empty").inner_text() == "No line passes the filter."


def test_a_tag_is_followed_by_a_press_and_let_go_by_escape(log_page: Any) -> None:
    log_page.hear(LINES)
    tag = log_page.get_by_role("button", name=TAG)
    tag.focus()
    log_page.keyboard.press("Enter")
    log_page.shows(f"{TAG} came up", "event3")
    assert log_page.evaluate("document.activeElement.id") == "log-search"
    log_page.keyboard.press("Escape")
    log_page.shows(f"{TAG} came up", "event3", "event2", "event1")


def test_paused_nothing_moves_and_what_waits_is_counted(log_page: Any) -> None:
    log_page.hear(LINES)
    log_page.get_by_role("button", name="Pause").press("Enter")
    log_page.hear([*LINES, line(6), line(7), line(8, level="debug")])
    log_page.state("paused, 2 wait")
    log_page.shows(f"{TAG} came up", "event3", "event2", "event1")
    log_page.get_by_role("button", name="Go on (2)").press("Enter")
    log_page.shows("event7", "event6", f"{TAG} came up", "event3", "event2", "event1")


def test_what_the_pointer_is_on_does_not_move_away(log_page: Any) -> None:
    log_page.hear(LINES)
    log_page.shows(f"{TAG} came up", "event3", "event2", "event1")
    log_page.locator("#log li").first.hover()
    log_page.hear([*LINES, line(6)])
    log_page.state("held while you read, 1 wait")
    log_page.shows(f"{TAG} came up", "event3", "event2", "event1")
    log_page.mouse.move(0, 0)
    log_page.shows("event6", f"{TAG} came up", "event3", "event2", "event1")


def test_no_more_than_500_rows_are_kept(log_page: Any) -> None:
    log_page.hear([line(n) for n in range(1, 400)])
    log_page.hear([line(n) for n in range(300, 800)])
    log_page.shows(*(f"event{n}" for n in range(799, 299, -1)))
    assert log_page.locator("#log [data-log=count]").inner_text() == "500 shown of 799"


def test_a_hole_after_a_lost_line_is_said(log_page: Any) -> None:
    log_page.hear([line(1)])
    log_page.hear([line(50), line(51)])
    hole = "Lines may be missing here: the server was not heard for a while."
    log_page.shows("event51", "event50", hole, "event1")


def test_why_no_line_comes_is_said(log_page: Any) -> None:
    empty = log_page.locator("#log .said-empty")
    log_page.hear([])
    expect(empty).to_have_text("No process has logged anything within a day.")
    log_page.hear([], "delta", "Log lines cannot be read: Valkey does not answer.")
    expect(empty).to_have_text("Log lines cannot be read: Valkey does not answer.")
    log_page.hear([], "delta")
    log_page.state("as they are written")
    log_page.end_line()
    log_page.state("No word from the server")


def test_who_is_not_staff_has_no_panel(open_page: Any, sample: SampleDay) -> None:
    assert open_page("/system/").locator("#log").count() == 0
