"""Start the listening program and read what it heard."""

import json
import os
import subprocess
import sys
from collections.abc import Callable, Iterable
from pathlib import Path

from kitesim.tests.conftest import REPOSITORY, Sim


class TickerCallbacks:
    """Zerodha's ticker in a process of its own; it leaves by itself after ``seconds``, should a test hang."""

    def __init__(self, sim: Sim, access_token: str, seconds: float = 60, frames: Path | None = None, **modes) -> None:
        command = [sys.executable, "-m", "kitesim.tests.listen", sim.ws_url, access_token, f"--seconds={seconds}"]
        command += [f"--{mode}={','.join(map(str, tokens))}" for mode, tokens in modes.items()]
        command += [f"--frames={frames}"] if frames else []
        self.process = subprocess.Popen(
            command,
            cwd=REPOSITORY,
            env={**os.environ, "TZ": "UTC"},
            stdout=subprocess.PIPE,
            stderr=subprocess.DEVNULL,
            text=True,
        )
        self.wait_for("connected")

    def wait_for(self, kind: str, such: Callable[[dict], bool] = lambda heard: True) -> dict:
        return self.until(kind, such)[-1]

    def until(self, kind: str, such: Callable[[dict], bool] = lambda heard: True) -> list[dict]:
        """Everything heard up to the first such event, and that one."""
        all_heard = []
        for line in self.process.stdout:
            all_heard.append(json.loads(line))
            if all_heard[-1]["kind"] == kind and such(all_heard[-1]):
                return all_heard
        raise AssertionError(f"the ticker left before it heard {kind!r}")

    def next(self, kind: str, count: int) -> list[dict]:
        """Everything heard until ``count`` more of a kind came."""
        return [heard for _ in range(count) for heard in self.until(kind)]

    def rest(self) -> list[dict]:
        """Everything heard since, until it left by itself."""
        heard = [json.loads(line) for line in self.process.stdout]
        self.process.stdout.close()
        self.process.wait(timeout=10)
        return heard

    def leave(self) -> None:
        self.process.terminate()
        self.rest()


def of_kind(heard: Iterable[dict], kind: str) -> list[dict]:
    return [one for one in heard if one["kind"] == kind]


def frames_in(path: Path) -> list[bytes]:
    raw, at, frames = path.read_bytes(), 0, []
    while at < len(raw):
        length = int.from_bytes(raw[at : at + 4], "big")
        frames.append(raw[at + 4 : at + 4 + length])
        at += 4 + length
    return frames
