"""While a server is away a page says so in words, asks none, and looks again by itself."""

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import pytest
import redis
from django.db import OperationalError, connection
from psycopg import errors

from alphapanda.dashboard.views import pages


@pytest.fixture
def visitor(client: Any) -> Any:
    """Somebody whose session has to be looked up."""
    client.raise_request_exception = False
    client.cookies["sessionid"] = "a" * 32
    return client


@contextmanager
def every_query_raises(error: Exception, cause: Exception) -> Iterator[None]:
    def refuse(*_: Any) -> Any:
        raise error from cause

    with connection.execute_wrapper(refuse):
        yield


@pytest.fixture
def without_postgresql(db: None) -> Iterator[None]:
    words = "connection failed: Connection refused"
    with every_query_raises(OperationalError(words), errors.OperationalError(words)):
        yield


def test_a_page_without_postgresql_says_what_happens_meanwhile(visitor: Any, without_postgresql: None) -> None:
    response = visitor.get("/orders/?state=open")
    page = response.content.decode()
    assert response.status_code == 503
    assert response["Retry-After"] == "2"
    assert "PostgreSQL does not answer" in page
    assert "No order leaves" in page
    assert "manage.py halt" in page


def test_it_looks_again_at_the_same_address(visitor: Any, without_postgresql: None) -> None:
    page = visitor.get("/orders/?state=open").content.decode()
    assert '<meta http-equiv="refresh" content="2;url=/orders/?state=open">' in page


def test_what_was_asked_by_post_is_not_asked_again_by_itself(visitor: Any, without_postgresql: None) -> None:
    page = visitor.post("/do/gate/", {"level": "halted"}).content.decode()
    assert '<meta http-equiv="refresh" content="2;url=/">' in page
    assert "look before you ask" in page


def test_a_script_that_asks_for_json_gets_the_words(visitor: Any, without_postgresql: None) -> None:
    response = visitor.get("/", headers={"Accept": "application/json"})
    assert response.status_code == 503
    assert response.json()["words"] == "PostgreSQL does not answer"


def test_a_lock_that_lasts_too_long_is_not_called_away(visitor: Any, db: None) -> None:
    words = "canceling statement due to lock timeout"
    with every_query_raises(OperationalError(words), errors.LockNotAvailable(words)):
        assert "PostgreSQL is busy" in visitor.get("/").content.decode()


@pytest.mark.parametrize(
    ("error", "status", "words"),
    [(redis.ConnectionError("refused"), 503, "Valkey does not answer"), (ZeroDivisionError(), 500, "in the web")],
)
def test_valkey_and_faults_of_ours_are_told_apart(
    visitor: Any, admin_user: Any, monkeypatch: Any, error: Exception, status: int, words: str
) -> None:
    def refuse(*_: Any) -> Any:
        raise error

    visitor.force_login(admin_user)
    monkeypatch.setattr(pages.panels, "live_snapshot", refuse)
    response = visitor.get("/")
    assert response.status_code == status
    assert words in response.content.decode()
