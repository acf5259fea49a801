"""Early pytest plugin: a real PostgreSQL and Valkey for every run, unless the environment names others.

It must run before pytest-django reads the settings, which is earlier than any conftest. Of several processes
(``pytest -n``) each has servers and a state folder of its own; a Valkey the environment names serves only one.
"""

import atexit
import os
import shutil
from collections.abc import Iterator

import hypothesis
import pytest
from xdist.remote import Producer
from xdist.scheduler import LoadFileScheduling

from alphapanda.runner.embedded import start_servers, temporary_folder

DESKS = ("tests/chaos/", "tests/stories/test_a_real_day")
BROWSERS = "tests/browser/"
STATEFUL = {"db", "transactional_db", "valkey"}

os.environ.setdefault("SECRET_KEY", "only-for-tests-and-never-for-money-0123456789abcdef")
os.environ.setdefault("LOG_LEVEL", "WARNING")
os.environ["ALPHAPANDA_KIND"] = "practice"

# The same examples in every run: what fails here fails everywhere, and again.
hypothesis.settings.register_profile("same", derandomize=True, deadline=None)
hypothesis.settings.load_profile("same")

if "PYTEST_XDIST_WORKER" in os.environ:
    # The process that hands out the tests left the addresses of the servers it started for itself.
    for name in os.environ["TEST_SERVERS_STARTED"].split():
        del os.environ[name]
os.environ["TEST_SERVERS_STARTED"] = " ".join({"DATABASE_URL", "REDIS_URL"} - os.environ.keys())
_folder = temporary_folder()
os.environ["ALPHAPANDA_STATE_DIR"] = str(_folder / "state")
_servers = start_servers(_folder, keep=False)
os.environ.update(_servers.environment())


@atexit.register
def _stop() -> None:
    _servers.stop()
    shutil.rmtree(_folder, ignore_errors=True)


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Begin with whole desks, which take longest, and end with browsers.

    Playwright leaves an event loop running, in which no other asynchronous test could run.
    """
    items.sort(key=lambda item: 0 if item.nodeid.startswith(DESKS) else 2 if item.nodeid.startswith(BROWSERS) else 1)


class Files(LoadFileScheduling):
    """Each file's tests in one process; whole desks, of seven processes each, one after the other in one."""

    def _split_scope(self, nodeid: str) -> str:
        return "desks" if nodeid.startswith(DESKS) else super()._split_scope(nodeid)


def pytest_xdist_make_scheduler(config: pytest.Config, log: Producer) -> Files:
    return Files(config, log)


@pytest.hookimpl(tryfirst=True)
def pytest_runtest_teardown() -> None:
    drop_half_asked()


def drop_half_asked() -> None:
    """Close connections with a query under way: its test ran out of time, and all after it would fail on them."""
    from django.db import connections
    from psycopg.pq import TransactionStatus

    for one in connections.all(initialized_only=True):
        if one.connection is not None and one.connection.info.transaction_status == TransactionStatus.ACTIVE:
            one.close()


@pytest.fixture(autouse=True)
def _empty_valkey(request: pytest.FixtureRequest) -> None:
    """No test sees another's streams, quotes or messages."""
    if request.node.get_closest_marker("django_db") or STATEFUL & set(request.fixturenames):
        valkey = request.getfixturevalue("valkey")
        valkey.flushdb()


@pytest.fixture(autouse=True)
def _no_clock_remembered() -> None:
    """No test reads the market time another one set."""
    from alphapanda.core.clock.market_time import forget_anchor

    forget_anchor()


@pytest.fixture
def valkey():  # type: ignore[no-untyped-def]
    import redis

    client = redis.Redis.from_url(os.environ["REDIS_URL"])
    yield client
    client.close()


@pytest.fixture(autouse=True)
def _no_flag_left_behind():  # type: ignore[no-untyped-def]
    """No test is halted by the flag file of another."""
    yield
    from pathlib import Path

    from django.conf import settings

    (Path(settings.STATE_DIR) / "HALT").unlink(missing_ok=True)


@pytest.fixture(scope="session", autouse=True)
def _tables_are_emptied_fast() -> Iterator[None]:
    """Django empties every table after a test with transactions of its own, and writes all permissions again."""
    from django.test import TransactionTestCase

    with pytest.MonkeyPatch.context() as patched:
        patched.setattr(TransactionTestCase, "_fixture_teardown", lambda case: empty_what_was_filled())
        yield


def empty_what_was_filled() -> None:
    """Empty the tables that hold rows, and write what ours are born with.

    Kept are content types and permissions, which Django would write again after each test.
    """
    from django.db import connection

    from alphapanda.core.clock.services import create_installation
    from instruments.protections import seed_protections
    from portfolio.charging import seed_charge_rates
    from trading.run.strategy_rows import write_strategy_rows

    kept = {"django_migrations", "django_content_type", "auth_permission"}
    names = sorted(set(connection.introspection.django_table_names(only_existing=True, include_views=False)) - kept)
    with connection.cursor() as cursor:
        cursor.execute(" UNION ALL ".join(f"SELECT '{name}' WHERE EXISTS (SELECT FROM {name})" for name in names))
        if filled := [name for (name,) in cursor.fetchall()]:
            cursor.execute(f"TRUNCATE {', '.join(filled)} CASCADE")
    for seed in (create_installation, seed_protections, seed_charge_rates, write_strategy_rows):
        seed()


@pytest.fixture(scope="session", autouse=True)
def _passwords_are_cheap() -> None:
    """A real hash takes 100 MB and a tenth of a second; processes that tests start pay it, the tests' own do not."""
    from alphapanda.core.guesses import BoundedArgon2

    BoundedArgon2.time_cost, BoundedArgon2.memory_cost, BoundedArgon2.parallelism = 1, 8, 1


@pytest.fixture(scope="session", autouse=True)
def _lines_stay_in_the_tests() -> Iterator[None]:
    """A command run within a test would make this process a publisher of log lines for all tests after it."""
    from alphapanda.core.telemetry import live_lines

    with pytest.MonkeyPatch.context() as patched:
        patched.setattr(live_lines, "begin_publishing", lambda role: None)
        yield
