"""The embedded PostgreSQL and Valkey are looked after like every other child: killed, they come back on their data."""

import os
import shutil
import signal
import time
from collections.abc import Callable, Iterator

import psycopg
import pytest
import redis

from alphapanda.runner.embedded import Servers, start_servers, temporary_folder
from alphapanda.runner.practice import STOP_ORDER
from alphapanda.runner.processes import worker_children

ANSWER_SECONDS = 10.0


@pytest.fixture(scope="module")
def servers() -> Iterator[Servers]:
    plain = {name: value for name, value in os.environ.items() if name not in ("DATABASE_URL", "REDIS_URL")}
    with pytest.MonkeyPatch.context() as patch:
        for name in ("DATABASE_URL", "REDIS_URL"):
            patch.delenv(name, raising=False)
        folder = temporary_folder()
        servers = start_servers(folder, keep=True, environment=plain)
    yield servers
    servers.stop()
    shutil.rmtree(folder, ignore_errors=True)


def kill(servers: Servers, name: str) -> None:
    child = next(child for child in servers.supervisor.children if child.name == name)
    assert child.process
    os.killpg(child.process.pid, signal.SIGKILL)
    child.process.wait(timeout=5)


def answered(servers: Servers, ask: Callable[[], object]) -> object:
    """What ``ask`` returns once it can be asked; the supervisor looks after its children meanwhile."""
    gives_up = time.monotonic() + ANSWER_SECONDS
    while True:
        servers.supervisor.watch()
        try:
            return ask()
        except (psycopg.OperationalError, redis.RedisError):
            assert time.monotonic() < gives_up
            time.sleep(0.05)


def database(servers: Servers) -> "psycopg.Connection[tuple[object, ...]]":
    return psycopg.connect(servers.database_url, autocommit=True)


def test_postgresql_killed_comes_back_with_what_was_committed(servers: Servers) -> None:
    with database(servers) as connection:
        connection.execute("CREATE TABLE kept AS SELECT 42 AS number")
    kill(servers, "postgres")
    assert answered(servers, lambda: database(servers).execute("SELECT number FROM kept").fetchone()) == (42,)


def test_valkey_killed_comes_back_at_its_address_with_its_data(servers: Servers) -> None:
    redis.Redis.from_url(servers.redis_url).set("kept", "42")
    kill(servers, "valkey")
    assert answered(servers, lambda: redis.Redis.from_url(servers.redis_url).get("kept")) == b"42"


def test_a_server_ends_after_everybody_who_uses_it() -> None:
    place = {name: number for number, group in enumerate(STOP_ORDER) for name in group}
    users = [child.name for child in worker_children({})] + ["web", "feed", "beat", "kitesim"]
    assert all(place[name] < place["valkey"] < place["postgres"] for name in users)


def test_postgresql_is_stopped_in_order_though_somebody_is_connected(servers: Servers) -> None:
    with database(servers):
        servers.stop()
    log = (servers.supervisor.folder / "logs" / "postgres.log").read_text()
    assert "received fast shutdown request" in log
    assert log.rstrip().endswith("database system is shut down")
