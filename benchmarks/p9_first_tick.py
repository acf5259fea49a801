"""P9: from `manage.py demo` to its address and to the first price, with nothing kept and with all of it kept.

    python -m benchmarks.p9_first_tick [--rounds 3] [--json FILE]

The folder of each round is new; the second start of a round finds what the first one left. Cloning and installing
come before this and are measured by hand (docs/performance.md says how).
"""

import argparse
import json
import os
import queue
import shutil
import statistics
import subprocess
import sys
import threading
import time
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

import redis

from alphapanda.runner.embedded import free_port, temporary_folder
from benchmarks.harness import describe_machine, markdown_table
from market.domain.ticks import TICK_DTYPE

ROOT = Path(__file__).resolve().parent.parent
# The target of an empty start, three minutes, has cloning and installing in it.
TARGETS = {"empty": "≤ 180 s with cloning and installing", "kept": "≤ 30 s"}
LONGEST_SECONDS = 240.0
STOP_SECONDS = 60.0


class NeverCame(Exception):
    """The demo printed no address, or no price came."""


def start_once(folder: Path) -> tuple[float, float]:
    """Start the demo and stop it again. Returns the seconds to its address and to the first price. Raises NeverCame."""
    environment = os.environ | {"ALPHAPANDA_STATE_DIR": str(folder), "LOG_LEVEL": "WARNING", "PYTHONUNBUFFERED": "1"}
    for name in ("DATABASE_URL", "REDIS_URL"):
        environment.pop(name, None)
    began, wall_ms = time.monotonic(), time.time() * 1000
    command = [sys.executable, "manage.py", "demo", "--port", str(free_port())]
    demo = subprocess.Popen(command, cwd=ROOT, env=environment, stdout=subprocess.PIPE, text=True)
    try:
        addressed = wait_for_address(demo) - began
        return addressed, first_price(folder, wall_ms)
    finally:
        end_demo(demo)


def wait_for_address(demo: "subprocess.Popen[str]") -> float:
    lines: queue.Queue[str] = queue.Queue()
    threading.Thread(target=lambda: [lines.put(line) for line in demo.stdout or ()], daemon=True).start()
    said = []
    deadline = time.monotonic() + LONGEST_SECONDS
    while time.monotonic() < deadline and (demo.poll() is None or not lines.empty()):
        try:
            said.append(lines.get(timeout=1))
        except queue.Empty:
            continue
        if "http://" in said[-1]:
            return time.monotonic()
    raise NeverCame("".join(said))


def first_price(folder: Path, since_ms: float) -> float:
    """Return the seconds from ``since_ms`` to the oldest price received since: an earlier start's are still there."""
    deadline = time.monotonic() + LONGEST_SECONDS
    with redis.Redis(port=valkey_port(folder)) as client:
        while time.monotonic() < deadline:
            if fresh := [received for received in received_at(client) if received > since_ms]:
                return (min(fresh) - since_ms) / 1000
            time.sleep(0.02)
    raise NeverCame("no price within four minutes")


def received_at(client: redis.Redis) -> Iterator[int]:
    packed: Any = client.hvals("quotes")
    return (int.from_bytes(one[TICK_DTYPE.itemsize :][:8], "little") for one in packed)


def valkey_port(folder: Path) -> int:
    """Return the port the demo's Valkey took: it shows it as its title."""
    pid = (folder / "valkey" / "valkey.pid").read_text().strip()
    title = Path(f"/proc/{pid}/cmdline").read_bytes().replace(b"\0", b" ").decode()
    return int(title.strip().rpartition(":")[2])


def end_demo(demo: "subprocess.Popen[str]") -> None:
    demo.terminate()
    try:
        demo.wait(timeout=STOP_SECONDS)
    except subprocess.TimeoutExpired:
        demo.kill()
        demo.wait()


def run_rounds(rounds: int) -> dict[str, list[tuple[float, float]]]:
    starts: dict[str, list[tuple[float, float]]] = {"empty": [], "kept": []}
    for _ in range(rounds):
        folder = temporary_folder()
        try:
            for kind, found in starts.items():
                found.append(start_once(folder))
                print(f"{kind}: {found[-1][0]:.1f} s, {found[-1][1]:.1f} s", file=sys.stderr)
        finally:
            shutil.rmtree(folder, ignore_errors=True)
    return starts


def median(seconds: Sequence[float]) -> float:
    return round(statistics.median(seconds), 1)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--json", type=Path, help="write what was found to this file, too")
    options = parser.parse_args()
    before = describe_machine("django", "celery")
    starts = run_rounds(options.rounds)
    medians = {kind: [median(column) for column in zip(*found, strict=True)] for kind, found in starts.items()}
    rows = [
        (f"state {kind}, median of {options.rounds}", f"{address} s", f"{price} s", TARGETS[kind])
        for kind, (address, price) in medians.items()
    ]
    print(markdown_table(("start", "address printed", "first price", "target"), rows))
    report = {"benchmark": "P9 first tick", **before, "seconds": medians, "each": starts}
    print(json.dumps(report))
    if options.json:
        options.json.write_text(json.dumps(report, indent=2) + "\n")


if __name__ == "__main__":
    main()
