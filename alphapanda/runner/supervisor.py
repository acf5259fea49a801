"""Runs the product's processes: starts them in order, starts those that end anew, and stops them in order.

Every child leads a session of its own, so that Ctrl-C reaches only the supervisor. Pids are written down, so that
what a killed supervisor left behind is ended by the next one.
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
STOP_SECONDS = 15.0
FIRST_PAUSE, LONGEST_PAUSE = 0.5, 30.0
# A process that ran this long before it ended starts with a clean record.
STEADY_SECONDS = 60.0


@dataclass
class Child:
    """One process: what to run, and what it may know of the environment."""

    name: str
    command: Sequence[str]
    environment: Mapping[str, str] = field(default_factory=dict)
    ends: bool = False  # it is done when it has ended with 0; any other end is an accident
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
            )
        child.started_at = time.monotonic()
        self._write_pids()

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

    def stop(self, order: Sequence[Sequence[str]]) -> None:
        """Stop the named children, one group after the other, then whatever is left."""
        running = {child.name: child.process for child in self.children if child.process is not None}
        for group in order:
            stop_processes([running.pop(name) for name in group if name in running])
        stop_processes(list(running.values()))
        (self.folder / "pids.json").unlink(missing_ok=True)

    def _write_pids(self) -> None:
        pids = {child.name: child.process.pid for child in self.children if child.process}
        (self.folder / "pids.json").write_bytes(orjson.dumps(pids))


def stop_processes(processes: "Sequence[subprocess.Popen[bytes]]") -> None:
    """Ask children to end, and end the whole session of each that does not."""
    for process in processes:
        if process.poll() is None:
            process.terminate()
    deadline = time.monotonic() + STOP_SECONDS
    for process in processes:
        try:
            process.wait(timeout=max(deadline - time.monotonic(), 0.0))
        except subprocess.TimeoutExpired:
            log.warning("child_killed", pid=process.pid)
            with contextlib.suppress(ProcessLookupError):
                os.killpg(process.pid, signal.SIGKILL)
            process.wait()


def end_leftovers(folder: Path) -> list[str]:
    """End what a supervisor that was killed left running. Returns the names of what was found."""
    try:
        pids: dict[str, int] = orjson.loads((folder / "pids.json").read_bytes())
    except (OSError, orjson.JSONDecodeError):
        return []
    found = [name for name, pid in pids.items() if _is_ours(pid)]
    for name in found:
        with contextlib.suppress(ProcessLookupError):
            os.killpg(pids[name], signal.SIGTERM)
    deadline = time.monotonic() + STOP_SECONDS
    while any(_is_ours(pids[name]) for name in found) and time.monotonic() < deadline:
        time.sleep(0.1)
    for name in found:
        if _is_ours(pids[name]):
            with contextlib.suppress(ProcessLookupError):
                os.killpg(pids[name], signal.SIGKILL)
    return found


def _is_ours(pid: int) -> bool:
    # Pids are recycled: only a process that still runs one of our programs is ended.
    try:
        command = Path(f"/proc/{pid}/cmdline").read_bytes()
    except OSError:
        return False
    return any(part in command for part in (b"kitesim", b"manage.py", b"celery", b"daphne"))
