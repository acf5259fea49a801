"""/readyz: however many strangers ask, PostgreSQL is asked once a second."""

import threading
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import pytest

from alphapanda import health


class Looks:
    """How often it was looked up, on a clock that stands still."""

    def __init__(self) -> None:
        self.now, self.times = 100.0, 0

    def find(self) -> dict[str, str]:
        self.times += 1
        return {"valkey": "ConnectionError"} if self.times > 1 else {}


@pytest.fixture
def looks(monkeypatch: pytest.MonkeyPatch) -> Looks:
    looks = Looks()

    monkeypatch.setattr(health, "readiness", health.Readiness())
    monkeypatch.setattr(health, "find_problems", looks.find)
    monkeypatch.setattr(health.time, "monotonic", lambda: looks.now)
    return looks


def test_forty_who_ask_at_once_cost_one_look(client: Any, looks: Looks) -> None:
    with ThreadPoolExecutor(40) as threads:
        answers = list(threads.map(lambda _: health.readiness.problems(), range(400)))
    assert answers == [{}] * 400
    assert looks.times == 1
    assert client.get("/readyz").json() == {"status": "ok", "problems": {}}


def test_after_a_second_it_is_looked_up_anew(client: Any, looks: Looks) -> None:
    client.get("/readyz")
    looks.now += health.REMEMBERED_SECONDS
    answer = client.get("/readyz")
    assert (answer.status_code, answer.json()["problems"]) == (503, {"valkey": "ConnectionError"})


def test_while_one_looks_the_others_are_told_what_was_so(looks: Looks, monkeypatch: pytest.MonkeyPatch) -> None:
    health.readiness.problems()
    looks.now += health.REMEMBERED_SECONDS
    begun, may_end = threading.Event(), threading.Event()

    def look_slowly() -> dict[str, str]:
        begun.set()
        may_end.wait(10)
        return {}

    monkeypatch.setattr(health, "find_problems", look_slowly)
    slow = threading.Thread(target=health.readiness.problems)
    slow.start()
    begun.wait(10)
    assert health.readiness.problems() == {}
    may_end.set()
    slow.join()
