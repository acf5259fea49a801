"""Start the listening program and read what it heard."""

import json
import os
import subprocess
import sys
from collections.abc import Iterable
from pathlib import Path

from kitesim.tests.conftest import REPOSITORY, Sim


class Ears:
    """Zerodha's ticker in a process of its own."""

    def __init__(self, sim: Sim, access_token: str, seconds: float = 3, frames: Path | None = None, **modes) -> None:
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

    def wait_for(self, kind: str) -> dict:
        for line in self.process.stdout:
            heard = json.loads(line)
            if heard["kind"] == kind:
                return heard
        raise AssertionError(f"the ticker left before it heard {kind!r}")

    def rest(self) -> list[dict]:
        """Everything heard since, until it left by itself."""
        heard = [json.loads(line) for line in self.process.stdout]
        self.process.stdout.close()
        self.process.wait(timeout=10)
        return heard


def of_kind(heard: Iterable[dict], kind: str) -> list[dict]:
    return [one for one in heard if one["kind"] == kind]


def frames_in(path: Path) -> list[bytes]:
    raw, at, frames = path.read_bytes(), 0, []
    while at < len(raw):
        length = int.from_bytes(raw[at : at + 4], "big")
        frames.append(raw[at + 4 : at + 4 + length])
        at += 4 + length
    return frames
