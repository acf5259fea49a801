"""Runs the product's processes: starts them in order, starts those that end anew, and stops them in order.

Every child leads a session of its own, so that Ctrl-C reaches only the supervisor. Which processes they are is written
down, so that what a killed supervisor left behind is ended by the next one.
"""

import contextlib
import os
import signal
import subprocess
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path

import orjson
import structlog

log = structlog.get_logger()
# A worker ends its task before it ends itself, and a task has 20 s (CELERY_TASK_TIME_LIMIT).
STOP_SECONDS = 25.0
FIRST_PAUSE, LONGEST_PAUSE = 0.5, 30.0
# A process that ran this long before it ended starts with a clean record.
STEADY_SECONDS = 60.0
RUNNING = "running.json"
Order = Sequence[Sequence[str]]


@dataclass
class Child:
    """One process: what to run, and what it may know of the environment."""

    name: str
    command: Sequence[str]
    environment: Mapping[str, str] = field(default_factory=dict)
    ends: bool = False  # it is done when it has ended with 0; any other end is an accident
    user: str | None = None  # the operating system's user it runs as; None: ours
    stop_signal: signal.Signals = signal.SIGTERM
    process: subprocess.Popen[bytes] | None = None
    started_at: float = 0.0
    pause: float = FIRST_PAUSE
    due: float = 0.0
    restarts: int = 0

    @property
    def is_running(self) -> bool:
        return self.process is not None and self.process.poll() is None

    @property
    def is_done(self) -> bool:
        return self.ends and self.process is not None and self.process.poll() == 0


class Supervisor:
    """Looks after ``children``, started in their order."""

    def __init__(self, folder: Path, base: Mapping[str, str]) -> None:
        self.folder, self.base = folder, dict(base)
        self.children: list[Child] = []
        (folder / "logs").mkdir(parents=True, exist_ok=True)

    def start(self, child: Child) -> Child:
        self.children.append(child)
        self._launch(child)
        return child

    def _launch(self, child: Child) -> None:
        with (self.folder / "logs" / f"{child.name}.log").open("ab") as output:
            child.process = subprocess.Popen(
                list(child.command),
                env={**self.base, **child.environment},
                stdin=subprocess.DEVNULL,
                stdout=output,
                stderr=output,
                start_new_session=True,
                user=child.user,
            )
        child.started_at = time.monotonic()
        self._write_down()

    def watch(self) -> list[str]:
        """Start again whatever has ended, after a pause that doubles. Returns the names of what has just ended."""
        now, ended = time.monotonic(), []
        for child in self.children:
            if child.is_running or child.is_done:
                continue
            if child.due == 0.0:
                ended.append(child.name)
                self._plan_restart(child, now)
            elif now >= child.due:
                child.due = 0.0
                child.restarts += 1
                self._launch(child)
        return ended

    def _plan_restart(self, child: Child, now: float) -> None:
        code = child.process.returncode if child.process else None
        log.warning("child_ended", child=child.name, code=code)
        if now - child.started_at > STEADY_SECONDS:
            child.pause = FIRST_PAUSE
        child.due = now + child.pause
        child.pause = min(child.pause * 2, LONGEST_PAUSE)

    def stop(self, order: Order) -> None:
        """Stop the named children, one group after the other; whatever no group names goes before all of them."""
        left = {child.name: child for child in self.children if child.process is not None}
        named = [[left.pop(name) for name in group if name in left] for group in order]
        for group in (list(left.values()), *named):
            stop_children(group)
        (self.folder / RUNNING).unlink(missing_ok=True)

    def _write_down(self) -> None:
        running = {child.name: _written(child) for child in self.children if child.process}
        (self.folder / RUNNING).write_bytes(orjson.dumps(running))


def _written(child: Child) -> tuple[int, str, int]:
    assert child.process
    return child.process.pid, process_birth(child.process.pid), int(child.stop_signal)


def stop_children(children: Sequence[Child]) -> None:
    """Ask children to end, and end the whole session of each that does not."""
    running = [(child, child.process) for child in children if child.process is not None]
    for child, process in running:
        if process.poll() is None:
            process.send_signal(child.stop_signal)
    deadline = time.monotonic() + STOP_SECONDS
    for child, process in running:
        try:
            process.wait(timeout=max(deadline - time.monotonic(), 0.0))
        except subprocess.TimeoutExpired:
            log.warning("child_killed", child=child.name, pid=process.pid)
            _kill_session(process.pid)
            process.wait()


def end_leftovers(folder: Path, order: Order) -> list[str]:
    """End what a supervisor that was killed left running, in that order. Returns the names of what was found."""
    try:
        written: dict[str, tuple[int, str, int]] = orjson.loads((folder / RUNNING).read_bytes())
    except (OSError, orjson.JSONDecodeError):
        return []
    left = {name: each for name, each in written.items() if _still_runs(*each[:2])}
    others = [name for name in left if not any(name in group for group in order)]
    for group in (others, *order):
        _end_processes([left[name] for name in group if name in left])
    return list(left)


def _end_processes(processes: Sequence[tuple[int, str, int]]) -> None:
    for pid, _, number in processes:
        with contextlib.suppress(ProcessLookupError):
            os.kill(pid, number)
    deadline = time.monotonic() + STOP_SECONDS
    while any(_still_runs(pid, birth) for pid, birth, _ in processes) and time.monotonic() < deadline:
        time.sleep(0.1)
    for pid, birth, _ in processes:
        if _still_runs(pid, birth):
            _kill_session(pid)


def _kill_session(pid: int) -> None:
    with contextlib.suppress(ProcessLookupError):
        os.killpg(pid, signal.SIGKILL)


def _still_runs(pid: int, birth: str) -> bool:
    return bool(birth) and process_birth(pid) == birth


def process_birth(pid: int) -> str:
    """When a process began, in clock ticks since the machine did; empty if it has ended.

    With its pid it names one process: pids are used again, and another PostgreSQL is not ours to end.
    """
    try:
        state, *fields = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    except OSError:
        return ""
    return "" if state in ("Z", "X") else fields[18]
