"""Start the practice exchange as a process of its own, and log in to it with Zerodha's own client."""

import json
import os
import signal
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
import requests
from kiteconnect import KiteConnect

REPOSITORY = Path(__file__).parents[2]


class Sim:
    """A running kitesim."""

    def __init__(self, *flags: str) -> None:
        command = [sys.executable, "-m", "kitesim", "--host", "127.0.0.1", "--port", "0", *flags]
        self.process = subprocess.Popen(command, cwd=REPOSITORY, stdout=subprocess.PIPE, text=True)
        line = self.process.stdout.readline()
        assert line, "kitesim did not start"
        ready = json.loads(line)
        self.url, self.ws_url = ready["url"], ready["ws_url"]

    def get(self, path: str) -> dict:
        return requests.get(self.url + path, timeout=10).json()

    def post(self, path: str, body: dict) -> dict:
        return requests.post(self.url + path, json=body, timeout=30).json()

    def fault(self, kind: str, **terms: object) -> dict:
        return self.post("/sim/faults", {"kind": kind, **terms})

    def clear_faults(self) -> None:
        requests.delete(self.url + "/sim/faults", timeout=10)

    def log_in(self, api_key: str = "kitesim", secret: str = "kitesim-secret") -> KiteConnect:
        kite = KiteConnect(api_key, root=self.url)
        asked = requests.get(
            f"{self.url}/connect/login?api_key={api_key}", headers={"Accept": "application/json"}, timeout=10
        )
        kite.generate_session(asked.json()["data"]["request_token"], secret)
        return kite

    def stop(self, number: int = signal.SIGTERM) -> int:
        if self.process.poll() is None:
            os.kill(self.process.pid, number)
        code = self.process.wait(timeout=10)
        self.process.stdout.close()
        return code


@pytest.fixture(scope="session")
def start_sim() -> Iterator[Callable[..., Sim]]:
    started: list[Sim] = []

    def start(*flags: str) -> Sim:
        started.append(Sim(*flags))
        return started[-1]

    yield start
    for sim in started:
        sim.stop()


@pytest.fixture(scope="session")
def sim(start_sim) -> Sim:
    return start_sim("--open-at", "10:00:00", "--rate", "10", "--no-limits")


@pytest.fixture(scope="module")
def kite(sim) -> KiteConnect:
    return sim.log_in()
