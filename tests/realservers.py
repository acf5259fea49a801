"""Early pytest plugin: a real PostgreSQL and Valkey for every run, unless the environment names others.

It must run before pytest-django reads the settings, which is earlier than any conftest. Of several processes
(``pytest -n``) each has servers and a state folder of its own.
"""

import atexit
import os
import shutil

import hypothesis
import pytest

from alphapanda.embedded import start_servers, temporary_folder

os.environ.setdefault("SECRET_KEY", "only-for-tests-and-never-for-money-0123456789abcdef")
os.environ.setdefault("LOG_LEVEL", "WARNING")
os.environ["ALPHAPANDA_KIND"] = "practice"

# The same examples in every run: what fails here fails everywhere, and again.
hypothesis.settings.register_profile("same", derandomize=True, deadline=None)
hypothesis.settings.load_profile("same")

if "PYTEST_XDIST_WORKER" in os.environ:
    # The process that handed out the tests left the addresses of its own servers in the environment.
    del os.environ["DATABASE_URL"], os.environ["REDIS_URL"]
_folder = temporary_folder()
os.environ["ALPHAPANDA_STATE_DIR"] = str(_folder / "state")
_servers = start_servers(_folder, keep=False)
os.environ.update(_servers.environment())


@atexit.register
def _stop() -> None:
    _servers.stop()
    shutil.rmtree(_folder, ignore_errors=True)


def pytest_itemcollected(item: pytest.Item) -> None:
    """Keep each file's tests in one process, and in one of them all that start a whole desk of processes."""
    item.add_marker(pytest.mark.xdist_group("desks" if _turn(item) == 0 else item.path.stem))


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Begin with the desks, which take longest, and end with browsers.

    Playwright leaves an event loop running, in which no other asynchronous test could run.
    """
    items.sort(key=_turn)


def _turn(item: pytest.Item) -> int:
    if item.get_closest_marker("slow"):
        return 0
    return 2 if item.path.parent.name == "browser" else 1


@pytest.fixture(autouse=True)
def _empty_valkey(request: pytest.FixtureRequest) -> None:
    """No test sees another's streams, quotes or messages."""
    if request.node.get_closest_marker("django_db") or "valkey" in request.fixturenames:
        valkey = request.getfixturevalue("valkey")
        valkey.flushdb()


@pytest.fixture(autouse=True)
def _no_clock_remembered() -> None:
    """No test reads the market time another one set."""
    from alphapanda.clock.market_time import forget_anchor

    forget_anchor()


@pytest.fixture
def valkey():  # type: ignore[no-untyped-def]
    import redis

    client = redis.Redis.from_url(os.environ["REDIS_URL"])
    yield client
    client.close()
