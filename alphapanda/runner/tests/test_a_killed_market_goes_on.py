"""A practice exchange that is killed is started again and goes on at its pace: nobody sets it a second time."""

import os
import time
from collections.abc import Callable
from datetime import datetime
from pathlib import Path
from typing import Any

from alphapanda.runner import processes
from alphapanda.runner.supervisor import Supervisor


def until(condition: Callable[[], Any], seconds: float = 20.0) -> Any:
    deadline = time.monotonic() + seconds
    while not (found := condition()):
        assert time.monotonic() < deadline, "it never came to be so"
        time.sleep(0.05)
    return found


def test_a_killed_market_goes_on_at_its_pace(tmp_path: Path) -> None:
    port = processes.free_port()
    url = f"http://127.0.0.1:{port}"
    supervisor = Supervisor(tmp_path, dict(os.environ))
    market = processes.Market(seed=7, date="2026-11-23", open_at="10:00", night=1)
    kitesim = supervisor.start(processes.kitesim_child(port, tmp_path, market))

    def market_time() -> datetime:
        return datetime.fromisoformat(processes.wait_for(f"{url}/sim/clock", "kitesim")["market_time"])

    try:
        assert market_time() == market_time()  # nobody looks yet
        processes.set_rate(kitesim, url, 20)
        before = until(lambda: (at := market_time()).second > 2 and at)
        assert kitesim.process is not None
        kitesim.process.kill()
        until(lambda: supervisor.watch() is not None and kitesim.restarts == 1)
        again = market_time()
        assert again >= before
        until(lambda: market_time() > again)
    finally:
        supervisor.stop([])
