"""A process with a bound never has more connections than that, gives none away, and keeps one for halts."""

import threading
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import psycopg
import pytest
from django.db import OperationalError, connection

from alphapanda.core.postgres.base import DatabaseWrapper, connection_kept_for_halts
from alphapanda.core.postgres.pool import ConnectionPool

Connect = Callable[[], "psycopg.Connection[Any]"]


@pytest.fixture
def connect(db: None) -> Iterator[Connect]:
    opened: list[psycopg.Connection[Any]] = []
    parameters = {
        k: v for k, v in connection.get_connection_params().items() if k in ("host", "user", "dbname", "port")
    }

    def connect() -> "psycopg.Connection[Any]":
        opened.append(psycopg.connect(**parameters, autocommit=True))
        return opened[-1]

    connect.opened = opened  # type: ignore[attr-defined]
    yield connect
    for each in opened:
        each.close()


def test_a_connection_given_back_is_handed_out_again(connect: Any) -> None:
    pool = ConnectionPool(2, 0.1)
    first = pool.lend(connect)
    pool.take_back(first)
    assert pool.lend(connect) is first
    assert len(connect.opened) == 1


def test_whoever_asks_for_one_too_many_waits_and_is_refused_in_words(connect: Connect) -> None:
    pool = ConnectionPool(1, 0.05)
    pool.lend(connect)
    with pytest.raises(psycopg.OperationalError, match=r"all 1 connections of this process are in use"):
        pool.lend(connect)


def test_who_waits_gets_what_is_given_back_meanwhile(connect: Connect) -> None:
    pool = ConnectionPool(1, 5)
    lent = pool.lend(connect)
    threading.Timer(0.05, lambda: pool.take_back(lent)).start()
    assert pool.lend(connect) is lent


def test_a_connection_the_server_has_ended_is_replaced(connect: Any) -> None:
    pool = ConnectionPool(1, 0.1)
    first = pool.lend(connect)
    pool.take_back(first)
    with connect() as other:
        other.execute("SELECT pg_terminate_backend(%s)", [first.info.backend_pid])
    assert pool.lend(connect) is not first


def test_a_connection_amid_a_transaction_is_not_kept(connect: Connect) -> None:
    pool = ConnectionPool(1, 0.1)
    lent = pool.lend(connect)
    lent.autocommit = False
    lent.execute("SELECT 1")
    pool.take_back(lent)
    assert lent.closed
    assert pool.free == 1


def test_a_server_that_refuses_costs_no_place() -> None:
    def refuse() -> Any:
        raise psycopg.OperationalError("refused")

    pool = ConnectionPool(1, 0.1)
    for _ in range(3):
        with pytest.raises(psycopg.OperationalError, match=r"^refused$"):
            pool.lend(refuse)
    assert pool.free == 1


def test_a_connection_lost_with_its_thread_gives_its_place_back(connect: Any) -> None:
    pool = ConnectionPool(1, 0.1)
    pool.lend(connect)
    connect.opened.clear()
    assert pool.free == 1


def test_a_hundred_threads_share_three_connections(connect: Any) -> None:
    pool = ConnectionPool(3, 10)

    def work(number: int) -> int:
        lent = pool.lend(connect)
        try:
            return int(lent.execute("SELECT %s", [number]).fetchone()[0])  # type: ignore[index]
        finally:
            pool.take_back(lent)

    with ThreadPoolExecutor(100) as threads:
        assert sorted(threads.map(work, range(200))) == list(range(200))
    assert len(connect.opened) <= 3
    assert pool.free == 3


@pytest.fixture
def wrappers(db: None) -> Iterator[Callable[[], DatabaseWrapper]]:
    """Makes the wrapper a thread of a process with one connection would have."""
    made: list[DatabaseWrapper] = []

    def make() -> DatabaseWrapper:
        made.append(DatabaseWrapper({**connection.settings_dict, "CONNECTIONS": 1, "CONN_MAX_AGE": 0}, "bounded"))
        return made[-1]

    yield make
    for each in made:
        each.close()
    if pools := DatabaseWrapper._pools_of.pop("bounded", None):
        pools.close()


@pytest.fixture(autouse=True)
def _short_wait(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("alphapanda.core.postgres.base.WAIT_SECONDS", 0.1)


def backend_of(wrapper: DatabaseWrapper) -> int:
    with wrapper.cursor() as cursor:
        cursor.execute("SELECT pg_backend_pid()")
        return int(cursor.fetchone()[0])


def test_a_wrapper_closed_leaves_its_connection_to_the_next(wrappers: Any) -> None:
    first, second = wrappers(), wrappers()
    backend = backend_of(first)
    with pytest.raises(OperationalError, match=r"in use"):
        backend_of(second)
    first.close()
    assert backend_of(second) == backend


def test_a_halt_has_a_connection_when_everybody_elses_are_out(wrappers: Any) -> None:
    stranger, halting, other = wrappers(), wrappers(), wrappers()
    taken = backend_of(stranger)
    with connection_kept_for_halts():
        kept = backend_of(halting)
    assert kept != taken
    with pytest.raises(OperationalError, match=r"in use"):
        backend_of(other)
    halting.close()
    with connection_kept_for_halts():
        assert backend_of(other) == kept
