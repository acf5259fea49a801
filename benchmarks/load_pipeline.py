"""The pipeline of a load: its processes as in production, and where its shard is while a recording plays."""

import json
import os
import time
import urllib.request
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from pathlib import Path

from alphapanda.core.clock import market_now
from alphapanda.core.timezone import IST
from alphapanda.runner import practice
from alphapanda.runner import processes as processes
from alphapanda.runner.replay import set_environment
from alphapanda.runner.supervisor import Child
from benchmarks import load_setup
from benchmarks.harness import Usage, percentile, process_usage
from benchmarks.synthetic_day import Walk
from market.domain.entries import StreamEntry, StreamPosition
from market.stream import TickStream
from trading.ticks.quiesced import is_quiesced
from trading.wakeups import valkey_client

# A Monday, 12:00 in India, with as many minutes of history.
FIRST = datetime(2026, 11, 23, 6, 30, tzinfo=UTC)
WARM_MINUTES = 165
SAMPLE_SECONDS = 0.5
LONGEST_WAIT_SECONDS = 90.0


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

    @property
    def behind_at_the_end(self) -> float:
        """Return how far behind, in ms, the shard mostly was in the last quarter of the steady part."""
        steady = self.steady
        return percentile([sample.oldest_ms for sample in steady[-max(1, len(steady) // 4) :]], 0.5)


class Pipeline:
    """The running processes of one trial. Django is set up before this is made."""

    def __init__(self, folder: Path, recording: Path, rates: list[int]) -> None:
        self.folder, self.recording, self.rates = folder, recording, rates
        self.port = processes.free_port()
        self.url = f"http://127.0.0.1:{self.port}"
        self.supervisor = practice.server_supervisor()
        self.supervisor.base = set_environment(folder, self.url)
        self.secrets = processes.data_account_secrets(folder)
        os.environ.update(self.secrets)

    def start(self, walk: Walk) -> None:
        play = processes.python_module("kitesim", "--port", str(self.port), "--replay", str(self.recording))
        self.kitesim = self.supervisor.start(Child("kitesim", [*play, "--rate", "0", "--keep-sessions"]))
        processes.wait_for(f"{self.url}/sim/clock", "The practice exchange")
        self.shard, shares = load_setup.set_up_market(walk, FIRST)
        load_setup.log_in_data_account()
        load_setup.set_up_deployments(self.shard, shares, walk, FIRST, WARM_MINUTES)
        for child in (
            processes.worker_child("ticks", "ticks.kite-0"),
            processes.worker_child("housekeeping", "risk,orders.paper,housekeeping"),
            processes.beat_child(),
            processes.feed_child(self.secrets),
        ):
            self.supervisor.start(child)
        processes.wait_for_feed()
        self._wait_until(load_setup.all_running, "the deployments did not begin")

    def _wait_until(self, is_so: Callable[[], bool], problem: str) -> None:
        deadline = time.monotonic() + LONGEST_WAIT_SECONDS
        while not is_so():
            if time.monotonic() > deadline:
                raise SystemExit(f"{problem}; the logs say why: {self.folder / 'logs'}")
            time.sleep(SAMPLE_SECONDS)

    def play(self) -> Course:
        """Let the market's clock run, and look at the shard twice a second until all of it has been processed."""
        steady = self.rates.count(self.rates[0])
        course = Course(before=self._usage())
        processes.set_rate(self.kitesim, self.url, 1)
        # kitesim's clock starts a minute before the first frame.
        self._advance(FIRST - timedelta(seconds=2))
        course.began = time.monotonic() + 2
        course.steady_until = course.began + steady
        deadline = course.began + len(self.rates) * 2 + LONGEST_WAIT_SECONDS
        while not course.drained and time.monotonic() < deadline:
            self._look(course)
            time.sleep(SAMPLE_SECONDS)
        if course.drained:
            last = TickStream(valkey_client(), self.shard.feed_id).last_position()
            self._wait_until(lambda: is_quiesced(self.shard.feed_id, last), "the desk did not come to rest")
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
        if not course.played and processes.wait_for(f"{self.url}/sim/frames", "kitesim")["finished"]:
            course.played = now
        if course.played and not sample.entries:
            course.drained = now

    def _sample(self, now: float) -> Sample:
        self.shard.refresh_from_db()
        stream, done = TickStream(valkey_client(), self.shard.feed_id), StreamPosition(self.shard.epoch, self.shard.n)
        wall = time.time() * 1000
        waiting = [wall - _received_at(entry) for entry in stream.read(done, 1)]
        processed = [wall - _received_at(entry) for entry in stream.read(StreamPosition(done.epoch, done.n - 1), 1)]
        return Sample(now, stream.lag(done), max([0.0, *waiting]), max([0.0, *processed]))

    def _usage(self) -> dict[str, Usage]:
        return process_usage({child.name: child.process.pid for child in self.supervisor.children if child.process})

    def _advance(self, moment: datetime) -> None:
        body = json.dumps({"advance_to": moment.astimezone(IST).strftime("%Y-%m-%dT%H:%M:%S")}).encode()
        request = urllib.request.Request(f"{self.url}/sim/clock", body, {"Content-Type": "application/json"})
        urllib.request.urlopen(request, timeout=5).read()

    def stop(self) -> None:
        self.supervisor.stop(practice.STOP_ORDER)


def _received_at(entry: StreamEntry) -> float:
    """Return when an entry came in, in ms; a mark was written at its market time, which runs as the wall's does."""
    if entry.batch:
        return entry.batch.received_at
    return time.time() * 1000 - (market_now() - entry.market_time).total_seconds() * 1000
