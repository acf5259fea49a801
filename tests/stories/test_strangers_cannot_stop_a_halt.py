"""The web process under strangers who ask for all it has: its connections are bounded, and a halt gets through."""

import base64
import json
import os
import re
import subprocess
import sys
import time
import urllib.error
import urllib.request
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from decimal import Decimal
from pathlib import Path
from typing import Any
from urllib.parse import quote

import pytest
from django.db import connection, transaction

from alphapanda.runner.embedded import free_port
from portfolio.booking import open_account
from trading.api.tokens import make_token
from trading.models import ApiToken, Gate
from trading.orders.gates import ensure_gates

CONNECTIONS = 4
STRANGERS = 40


@contextmanager
def serving(**environment: str) -> Iterator[tuple[str, int]]:
    """A daphne of its own on this test's database: its address and its pid."""
    port = free_port()
    settings = connection.settings_dict
    database = f"postgres://{settings['USER']}@{quote(settings['HOST'], safe='')}/{settings['NAME']}"
    process = subprocess.Popen(
        [sys.executable, "-m", "daphne", "-b", "127.0.0.1", "-p", str(port), "alphapanda.asgi:application"],
        env=os.environ | {"DATABASE_URL": database, **environment},
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
    )
    address = f"http://127.0.0.1:{port}"
    gives_up = time.monotonic() + 60
    while ask(f"{address}/healthz")[0] != 200:
        assert time.monotonic() < gives_up, "the web process did not begin"
        time.sleep(0.1)
    yield address, process.pid
    process.terminate()
    process.wait(timeout=30)


@pytest.fixture
def web(transactional_db: None) -> Iterator[str]:
    """With few connections."""
    with serving(WEB_CONNECTIONS=str(CONNECTIONS)) as (address, _):
        yield address


def ask(address: str, headers: dict[str, str] | None = None, body: Any = None) -> tuple[int, Any]:
    data = None if body is None else json.dumps(body).encode()
    request = urllib.request.Request(address, data, {"Content-Type": "application/json", **(headers or {})})
    try:
        with urllib.request.urlopen(request, timeout=30) as answer:
            return answer.status, answer.read()
    except urllib.error.HTTPError as refused:
        return refused.code, refused.read()
    except OSError as error:
        return 0, repr(error)


def others_connected() -> int:
    """How many connections this test's database has beside the test's own."""
    with connection.cursor() as cursor:
        # Within a transaction it would be told what was so at its first look.
        cursor.execute("SELECT pg_stat_clear_snapshot()")
        cursor.execute(
            "SELECT count(*) FROM pg_stat_activity WHERE datname = current_database() AND pid <> pg_backend_pid()"
        )
        return int(cursor.fetchone()[0])


def lock_sessions() -> None:
    with connection.cursor() as cursor:
        cursor.execute("LOCK TABLE django_session IN ACCESS EXCLUSIVE MODE")


def test_strangers_wait_while_a_halt_gets_through(web: str, django_user_model: Any, valkey: Any) -> None:
    account = open_account("Desk A", "paper", "paper", Decimal(0))
    ensure_gates()
    user = django_user_model.objects.create_user("mehta", is_superuser=True)
    token = make_token(user, "my halt", ApiToken.Scope.HALT, days=1).shown  # type: ignore[attr-defined]
    with ThreadPoolExecutor(STRANGERS) as strangers:
        with transaction.atomic():
            # Every session looked up waits for this lock, with the connection it has taken.
            lock_sessions()
            asked = [
                strangers.submit(ask, f"{web}/", {"Cookie": f"sessionid={number:032d}"}) for number in range(STRANGERS)
            ]
            began = time.monotonic()
            while others_connected() < CONNECTIONS:
                assert time.monotonic() - began < 5
                time.sleep(0.05)
            began = time.monotonic()
            status, answer = ask(
                f"{web}/api/v1/gate/halt/", {"Authorization": f"Token {token}"}, {"reason": "strangers"}
            )
            took = time.monotonic() - began
            connected = others_connected()
        statuses = {each.result()[0] for each in asked}
    assert (status, json.loads(answer)["effective"]) == (200, {str(account.pk): "halted"})
    assert took < 2.0
    assert CONNECTIONS < connected <= CONNECTIONS + 1
    assert statuses <= {200, 503}  # sent on to the sign-in page, or told that the database is busy
    assert Gate.objects.get(is_global=True).state == "halted"


def test_four_hundred_who_ask_whether_it_is_ready_take_one_connection(web: str) -> None:
    with ThreadPoolExecutor(STRANGERS) as strangers:
        answers = list(strangers.map(lambda _: ask(f"{web}/readyz")[0], range(400)))
    assert set(answers) <= {200, 503}  # no calendar here: it is not ready
    assert others_connected() <= 1


def peak_megabytes(pid: int) -> int:
    found = re.search(r"VmHWM:\s+(\d+) kB", Path(f"/proc/{pid}/status").read_text())
    assert found
    return int(found[1]) // 1024


def test_48_sign_ins_at_once_cost_the_memory_of_two(transactional_db: None, valkey: Any) -> None:
    """Each from an address of its own, so that only the hashing holds them up; a hash takes 100 MB."""
    said = base64.b64encode(b"mehta:a guess").decode()
    with serving(WEB_CONNECTIONS="48", NUM_PROXIES="1") as (web, pid), ThreadPoolExecutor(48) as strangers:
        ask(f"{web}/api/v1/tokens/", {"Authorization": f"Basic {said}"})
        before = peak_megabytes(pid)

        def sign_in(number: int) -> int:
            name = base64.b64encode(f"name {number}:a guess".encode()).decode()
            headers = {"Authorization": f"Basic {name}", "X-Forwarded-For": f"198.51.100.{number}"}
            return ask(f"{web}/api/v1/tokens/", headers)[0]

        answers = list(strangers.map(sign_in, range(48)))
        grown = peak_megabytes(pid) - before
    assert set(answers) <= {401, 429}
    assert 401 in answers
    assert grown < 250, f"{grown} MB for {answers.count(401)} hashes"
