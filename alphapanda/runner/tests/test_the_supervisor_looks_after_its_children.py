"""Children are started again when they end, stopped group by group, and never left behind."""

import signal
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import orjson
import pytest

from alphapanda.runner import supervisor as supervising
from alphapanda.runner.supervisor import Child, Supervisor, end_leftovers

# Says that it runs, and on SIGTERM its name.
STAYS = """
import pathlib, signal, sys
name, said = sys.argv[1], pathlib.Path(sys.argv[2])
def leave(*_):
    with said.open("a") as file: file.write(name + " ")
    sys.exit(0)
signal.signal(signal.SIGTERM, leave)
pathlib.Path(sys.argv[2] + name).touch()
while True: signal.pause()
"""
DEAF = "import signal, pathlib, sys; signal.signal(signal.SIGTERM, signal.SIG_IGN); pathlib.Path(sys.argv[1]).touch()\n"
DEAF += "while True: signal.pause()"


@pytest.fixture
def supervisor(tmp_path: Path) -> Iterator[Supervisor]:
    supervisor = Supervisor(tmp_path, {})
    yield supervisor
    supervisor.stop([])


@pytest.fixture
def clock(monkeypatch: pytest.MonkeyPatch) -> list[float]:
    now = [100.0]
    monkeypatch.setattr(supervising.time, "monotonic", lambda: now[0])
    return now


def program(code: str, *arguments: str) -> list[str]:
    return [sys.executable, "-S", "-c", code, *arguments]


def begun(path: Path) -> None:
    """Wait until a child has said that it runs."""
    gives_up = time.monotonic() + 10
    while not path.exists():
        assert time.monotonic() < gives_up, "the child did not begin"
        time.sleep(0.01)


def ended(child: Child) -> None:
    assert child.process is not None
    child.process.wait(timeout=10)


def log_of(folder: Path, name: str) -> str:
    return (folder / "logs" / f"{name}.log").read_text()


def test_what_ends_is_started_again_after_a_pause_that_doubles(supervisor: Supervisor, clock: list[float]) -> None:
    child = supervisor.start(Child("web", program("")))
    for pause in (0.5, 1.0, 2.0):
        ended(child)
        assert supervisor.watch() == ["web"]
        clock[0] += pause - 0.01
        assert supervisor.watch() == []
        assert not child.is_running
        clock[0] += 0.01
        supervisor.watch()
    assert child.restarts == 3


def test_what_ran_steadily_is_started_again_soon(supervisor: Supervisor, clock: list[float]) -> None:
    child = supervisor.start(Child("web", program(""), pause=16.0))
    ended(child)
    clock[0] += supervising.STEADY_SECONDS + 1
    supervisor.watch()
    clock[0] += supervising.FIRST_PAUSE
    supervisor.watch()
    assert child.restarts == 1


def test_what_is_done_stays_done_unless_it_failed(supervisor: Supervisor) -> None:
    done = supervisor.start(Child("feed", program(""), ends=True))
    failed = supervisor.start(Child("replay", program("raise SystemExit(1)"), ends=True))
    ended(done)
    ended(failed)
    assert supervisor.watch() == ["replay"]
    assert done.is_done


def test_groups_are_stopped_in_order_after_all_that_has_no_place_in_it(supervisor: Supervisor, tmp_path: Path) -> None:
    said = tmp_path / "said"
    for name in ("other", "web", "ticks", "housekeeping", "feed"):
        supervisor.start(Child(name, program(STAYS, name, str(said))))
        begun(tmp_path / f"said{name}")
    supervisor.stop((("feed",), ("ticks", "housekeeping"), ("web",)))
    other, feed, *workers, web = said.read_text().split()
    assert (other, feed, sorted(workers), web) == ("other", "feed", ["housekeeping", "ticks"], "web")
    assert not (tmp_path / supervising.RUNNING).exists()


def test_what_does_not_end_is_killed(supervisor: Supervisor, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(supervising, "STOP_SECONDS", 0.1)
    child = supervisor.start(Child("deaf", program(DEAF, str(tmp_path / "up"))))
    begun(tmp_path / "up")
    supervisor.stop((("deaf",),))
    assert child.process is not None
    assert child.process.returncode == -9


def test_what_a_killed_supervisor_left_is_ended_by_the_next(tmp_path: Path) -> None:
    killed = Supervisor(tmp_path, {})
    children = [
        killed.start(Child(name, program(STAYS, name, str(tmp_path / "said")))) for name in ("postgres", "feed")
    ]
    for child in children:
        begun(tmp_path / f"said{child.name}")
    # This process is their parent and would keep them as zombies, which count as ended.
    assert end_leftovers(tmp_path, (("feed",), ("postgres",))) == ["postgres", "feed"]
    for child in children:
        ended(child)
    assert (tmp_path / "said").read_text() == "feed postgres "


def test_a_pid_used_again_by_another_program_is_left_alone(tmp_path: Path) -> None:
    killed = Supervisor(tmp_path, {})
    other = killed.start(Child("postgres", program(STAYS, "postgres", str(tmp_path / "said"))))
    begun(tmp_path / "saidpostgres")
    written = orjson.loads((tmp_path / supervising.RUNNING).read_bytes())
    pid, birth, number = written["postgres"]
    (tmp_path / supervising.RUNNING).write_bytes(orjson.dumps({"postgres": [pid, f"{birth}0", number]}))
    assert end_leftovers(tmp_path, (("postgres",),)) == []
    assert other.is_running
    killed.stop([])


def test_a_child_is_asked_to_end_by_its_own_signal(supervisor: Supervisor, tmp_path: Path) -> None:
    fast = Child("postgres", program(STAYS, "postgres", str(tmp_path / "said")), stop_signal=signal.SIGINT)
    supervisor.start(fast)
    begun(tmp_path / "saidpostgres")
    supervisor.stop(())
    assert fast.process is not None
    assert fast.process.returncode == -signal.SIGINT or "KeyboardInterrupt" in log_of(tmp_path, "postgres")
