"""P2: the whole pipeline under load, every part a process of its own as in production.

    python -m benchmarks.p2_pipeline [--seconds 60] [--ticks 9000] [--burst] [--once] [--json FILE]

A recording of 3,000 shares (seeded random walks, full packets, 1,000 a frame) is played by kitesim at the clock's own
pace through KiteTicker, feed, stream, the tick worker with 20 deployments, risk, paper exchange and books, on scratch
PostgreSQL and Valkey. If the rate asked for is not sustained, half of it is tried, and so on. ``--burst`` ends each
trial with one second of ten times the rate.
"""

import argparse
import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

from benchmarks.harness import Usage, counted, machine, percentile, table, usage
from benchmarks.synthetic_day import Walk, write_recording

# A Monday, 12:00 in India, with as many minutes of history.
FIRST = datetime(2026, 11, 23, 6, 30, tzinfo=UTC)
WARM_MINUTES = 165
SHARES = 3_000
LAG_TARGET_MS = 250
SAMPLE_SECONDS = 0.5
# After the last frame, in which everything must have been processed for a rate to count as sustained.
DRAIN_SECONDS = 2.0
LONGEST_WAIT_SECONDS = 90.0
LOWEST_RATE = 250


@dataclass(frozen=True)
class Sample:
    """How far the shard is: entries not processed, the age of the oldest of them and of the last one processed."""

    at: float
    entries: int
    oldest_ms: float
    last_ms: float


@dataclass
class Course:
    """What was seen while the recording played; times are of the monotonic clock."""

    began: float = 0.0
    steady_until: float = 0.0
    played: float = 0.0
    drained: float = 0.0
    samples: list[Sample] = field(default_factory=list)
    before: dict[str, Usage] = field(default_factory=dict)
    middle: dict[str, Usage] = field(default_factory=dict)
    after: dict[str, Usage] = field(default_factory=dict)

    @property
    def steady(self) -> list[Sample]:
        return [sample for sample in self.samples if sample.at <= self.steady_until]


class Pipeline:
    """The running processes of one trial. Django is set up before this is made."""

    def __init__(self, folder: Path, recording: Path, rates: list[int]) -> None:
        from alphapanda import demo_processes
        from alphapanda.replay import _environment
        from alphapanda.supervisor import Supervisor

        self.folder, self.recording, self.rates, self.processes = folder, recording, rates, demo_processes
        self.port = demo_processes.free_port()
        self.url = f"http://127.0.0.1:{self.port}"
        self.supervisor = Supervisor(folder, _environment(folder, self.url))
        self.secrets = demo_processes.credentials(folder)
        os.environ.update(self.secrets)

    def start(self, walk: Walk) -> None:
        from alphapanda.supervisor import Child
        from benchmarks import load_desk

        play = self.processes.program("kitesim", "--port", str(self.port), "--replay", str(self.recording))
        self.supervisor.start(Child("kitesim", [*play, "--rate", "0", "--keep-sessions"]))
        self.processes.wait_for(f"{self.url}/sim/clock", "The practice exchange")
        self.shard, shares = load_desk.found_market(walk, FIRST)
        load_desk.log_in_data_account()
        load_desk.found_desk(self.shard, shares, walk, FIRST, WARM_MINUTES)
        for child in (
            self.processes.worker("ticks", "ticks.kite-0"),
            self.processes.worker("desk", "risk,orders.paper,desk"),
            self.processes.beat(),
            self.processes.feed(self.secrets),
        ):
            self.supervisor.start(child)
        self.processes.wait_for_feed()
        self._wait_until(load_desk.all_running, "the deployments did not begin")

    def _wait_until(self, is_so: Callable[[], bool], problem: str) -> None:
        deadline = time.monotonic() + LONGEST_WAIT_SECONDS
        while not is_so():
            if time.monotonic() > deadline:
                raise SystemExit(f"{problem}; the logs say why: {self.folder / 'logs'}")
            time.sleep(SAMPLE_SECONDS)

    def play(self) -> Course:
        """Let the market's clock run, and look at the shard twice a second until all of it has been processed."""
        from market.stream import TickStream
        from trading.services.settled import is_settled
        from trading.services.wakeups import valkey

        steady = self.rates.count(self.rates[0])
        course = Course(before=self._usage())
        self.processes.set_rate(self.url, 1)
        # kitesim's clock starts a minute before the first frame.
        self._advance(FIRST - timedelta(seconds=2))
        course.began = time.monotonic() + 2
        course.steady_until = course.began + steady
        deadline = course.began + len(self.rates) * 2 + LONGEST_WAIT_SECONDS
        while not course.drained and time.monotonic() < deadline:
            self._look(course)
            time.sleep(SAMPLE_SECONDS)
        if course.drained:
            last = TickStream(valkey(), self.shard.feed_id).last_position()
            self._wait_until(lambda: is_settled(self.shard.feed_id, last), "the desk did not come to rest")
        return course

    def _look(self, course: Course) -> None:
        now = time.monotonic()
        sample = self._sample(now)
        if now >= course.began:
            course.samples.append(sample)
        if not course.middle and now > (course.began + course.steady_until) / 2:
            course.middle = self._usage()
        if not course.after and now > course.steady_until:
            course.after = self._usage()
        if not course.played and self.processes.wait_for(f"{self.url}/sim/frames", "kitesim")["finished"]:
            course.played = now
        if course.played and not sample.entries:
            course.drained = now

    def _sample(self, now: float) -> Sample:
        from market.stream import StreamPosition, TickStream
        from trading.services.wakeups import valkey

        self.shard.refresh_from_db()
        stream, done = TickStream(valkey(), self.shard.feed_id), StreamPosition(self.shard.epoch, self.shard.n)
        wall = time.time() * 1000
        waiting = [wall - _received_at(entry) for entry in stream.read(done, 1)]
        processed = [wall - _received_at(entry) for entry in stream.read(StreamPosition(done.epoch, done.n - 1), 1)]
        return Sample(now, stream.lag(done), max([0.0, *waiting]), max([0.0, *processed]))

    def _usage(self) -> dict[str, Usage]:
        from alphapanda import practice

        roots = {child.name: child.process.pid for child in self.supervisor.children if child.process}
        assert practice.servers
        roots["valkey"] = practice.servers._valkey.process.pid
        roots["postgresql"] = int((self.folder / "postgres" / "postmaster.pid").read_text().split()[0])
        return usage(roots)

    def _advance(self, moment: datetime) -> None:
        import urllib.request

        from instruments.domain.sessions import IST

        body = json.dumps({"advance_to": moment.astimezone(IST).strftime("%Y-%m-%dT%H:%M:%S")}).encode()
        request = urllib.request.Request(f"{self.url}/sim/clock", body, {"Content-Type": "application/json"})
        urllib.request.urlopen(request, timeout=5).read()

    def stop(self) -> None:
        self.supervisor.stop(self.processes.STOP_ORDER)


def _received_at(entry: Any) -> float:
    """Return when an entry came in, in ms; a mark was written at its market time, which runs as the wall's does."""
    from alphapanda.clock import market_now

    if entry.batch:
        return entry.batch.received_at
    return time.time() * 1000 - (market_now() - entry.market_time).total_seconds() * 1000


def trial(ticks: int, seconds: int, burst: bool) -> dict[str, Any]:
    """Run one rate on servers of its own and return what was found."""
    from alphapanda import practice

    # A terminated trial has to end its processes, too.
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(1))
    os.environ.setdefault("LOG_LEVEL", "WARNING")
    os.environ.setdefault("DJANGO_SETTINGS_MODULE", "alphapanda.settings")
    practice.prepare_scratch()
    assert practice.scratch
    try:
        import django

        django.setup()
        rates, recording, walk = [ticks] * seconds + [ticks * 10] * burst, practice.scratch / "load.aprec", Walk(SHARES)
        pipeline = Pipeline(practice.scratch, recording, rates)
        try:
            warm = Walk(SHARES)
            frames = write_recording(recording, walk, FIRST, rates)
            pipeline.start(warm)
            return findings(pipeline, pipeline.play(), ticks, frames)
        finally:
            pipeline.stop()
    finally:
        practice.close()


def findings(pipeline: Pipeline, course: Course, ticks: int, frames: int) -> dict[str, Any]:
    from benchmarks.load_desk import outcome
    from market.domain.quality import DROPPED

    metrics = pipeline.folder / "metrics"
    reasons = counted(metrics, "alphapanda_feed_drops_total", "reason")
    appended = sum(counted(metrics, "alphapanda_feed_ticks_total", "feed").values())
    lag = [sample.oldest_ms for sample in course.steady]
    took = max(course.played or time.monotonic(), course.steady_until) - course.began
    drained_in = course.drained - max(course.played, course.began + len(pipeline.rates)) if course.drained else None
    dropped = {name: count for name, count in reasons.items() if name in (*DROPPED, "inbox_full", "valkey")}
    lost = sum(pipeline.rates) - appended
    return {
        "ticks_asked_per_s": ticks,
        "seconds": len(course.steady) * SAMPLE_SECONDS,
        "frames_sent": frames,
        "ticks_appended": appended,
        "ticks_processed_per_s": round(appended / took) if course.drained else None,
        "sustained": bool(course.drained) and drained_in < DRAIN_SECONDS + SAMPLE_SECONDS and not lost,
        "lag_ms": {name: round(percentile(lag, share)) for name, share in (("p50", 0.5), ("p99", 0.99), ("max", 1))},
        "lag_entries_max": max((sample.entries for sample in course.steady), default=None),
        "age_of_last_processed_ms": {
            name: round(percentile([sample.last_ms for sample in course.steady], share))
            for name, share in (("p50", 0.5), ("p99", 0.99))
        },
        "drained_s_after_last_frame": round(drained_in, 1) if drained_in is not None else None,
        "lag_ms_max_with_burst": round(max((sample.oldest_ms for sample in course.samples), default=0)),
        "ticks_not_appended": lost,
        "dropped": dropped,
        "counted_but_kept": {name: count for name, count in reasons.items() if name not in dropped},
        "processes": _processes(course),
        **outcome(),
    }


def _processes(course: Course) -> dict[str, dict[str, float]]:
    seconds = course.steady_until - course.began
    return {
        name: {
            "cores": round((after.seconds - course.before.get(name, Usage()).seconds) / seconds, 3),
            "megabytes_before": round(course.before.get(name, Usage()).megabytes),
            "megabytes_halfway": round(course.middle.get(name, Usage()).megabytes),
            "megabytes_after": round(after.megabytes),
        }
        for name, after in course.after.items()
    }


def words(found: dict[str, Any]) -> str:
    lag, rate = found["lag_ms"], found["ticks_asked_per_s"]
    heads = (
        "ticks/s", "sustained", "lag p50", "p99", "max", "target p99", "drained after", "dropped",
        "signals", "orders", "fills",
    )  # fmt: skip
    row = (
        f"{rate:,}", "yes" if found["sustained"] else "no", f"{lag['p50']} ms", f"{lag['p99']} ms", f"{lag['max']} ms",
        f"< {LAG_TARGET_MS} ms", f"{found['drained_s_after_last_frame']} s", found["ticks_not_appended"],
        found["signals"], found["orders"], found["fills"],
    )  # fmt: skip
    used = [
        (name, f"{one['cores']:.2f}", one["megabytes_before"], one["megabytes_halfway"], one["megabytes_after"])
        for name, one in found["processes"].items()
    ]
    return f"{table(heads, [row])}\n\n{table(('process', 'cores', 'MB before', 'halfway', 'after'), used)}\n"


def in_a_process_of_its_own(ticks: int, options: argparse.Namespace) -> dict[str, Any]:
    """Settings are read once a process, and each trial has servers of its own."""
    command = [sys.executable, "-m", "benchmarks.p2_pipeline", "--once", "--ticks", str(ticks)]
    command += ["--seconds", str(options.seconds), *(["--burst"] if options.burst else [])]
    ran = subprocess.run(command, stdout=subprocess.PIPE, text=True, check=True)
    print(ran.stdout.rpartition("\n{")[0], flush=True)
    return json.loads(ran.stdout.strip().splitlines()[-1])


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--seconds", type=int, default=60)
    parser.add_argument("--ticks", type=int, default=9_000, help="a second; Kite's ceiling is three times 3,000")
    parser.add_argument("--burst", action="store_true", help="end with a second of ten times the rate")
    parser.add_argument("--once", action="store_true", help="only the rate asked for")
    parser.add_argument("--json", type=Path, help="write what was found to this file, too")
    options = parser.parse_args()
    if options.once:
        found = trial(options.ticks, options.seconds, options.burst)
        print(words(found))
        print(json.dumps(found))
        return
    trials, rate = [], options.ticks
    while rate >= LOWEST_RATE and not (trials and trials[-1]["sustained"]):
        trials.append(in_a_process_of_its_own(rate, options))
        rate //= 2
    report = {"benchmark": "P2 pipeline", **machine("django", "celery", "kiteconnect", "numpy"), "trials": trials}
    print(json.dumps(report))
    if options.json:
        options.json.write_text(json.dumps(report, indent=2) + "\n")


if __name__ == "__main__":
    main()
