"""Early pytest plugin: a real PostgreSQL and Valkey for every run, unless the environment names others.

It must run before pytest-django reads the settings, which is earlier than any conftest.
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

_folder = temporary_folder()
os.environ.setdefault("ALPHAPANDA_STATE_DIR", str(_folder / "state"))
_servers = start_servers(_folder, keep=False)
os.environ.update(_servers.environment())


@atexit.register
def _stop() -> None:
    _servers.stop()
    shutil.rmtree(_folder, ignore_errors=True)


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
