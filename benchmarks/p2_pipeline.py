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
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any

from benchmarks.harness import Usage, count_metric, describe_machine, markdown_table, percentile
from benchmarks.synthetic_day import Walk, write_recording

if TYPE_CHECKING:
    from benchmarks.load_pipeline import Course, Pipeline

SHARES = 3_000
LAG_TARGET_MS = 250
# A rate counts as sustained if nothing is lost and the shard is no further behind than this towards the end.
FURTHEST_BEHIND_MS = 2_000
LOWEST_RATE = 250


def run_trial(ticks: int, seconds: int, burst: bool) -> dict[str, Any]:
    """Run one rate on servers of its own and return what was found."""
    from alphapanda.runner import practice

    # A terminated trial has to end its processes, too.
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(1))
    os.environ.setdefault("LOG_LEVEL", "WARNING")
    os.environ.setdefault("DJANGO_SETTINGS_MODULE", "alphapanda.settings")
    practice.prepare_scratch()
    assert practice.scratch
    try:
        import django

        django.setup()
        return measure_rates(practice.scratch, ticks, [ticks] * seconds + [ticks * 10] * burst)
    finally:
        practice.stop_everything()


def measure_rates(folder: Path, ticks: int, rates: list[int]) -> dict[str, Any]:
    # Not before Django is set up.
    from benchmarks.load_pipeline import FIRST, Pipeline

    pipeline = Pipeline(folder, folder / "load.aprec", rates)
    try:
        frames = write_recording(pipeline.recording, Walk(SHARES), FIRST, rates)
        pipeline.start(Walk(SHARES))
        return list_findings(pipeline, pipeline.play(), ticks, frames)
    finally:
        pipeline.stop()


def list_findings(pipeline: "Pipeline", course: "Course", ticks: int, frames: int) -> dict[str, Any]:
    from benchmarks.load_setup import measure_outcome

    drops, lost = _drops(pipeline)
    ended = course.began + len(pipeline.rates)
    steady_wall = time.time() - time.monotonic() + course.steady_until
    return {
        "ticks_asked_per_s": ticks,
        "burst_ticks": sum(rate for rate in pipeline.rates if rate != ticks),
        "seconds": pipeline.rates.count(ticks),
        "frames_sent": frames,
        "sustained": bool(course.drained) and course.behind_at_the_end < FURTHEST_BEHIND_MS and not lost,
        "lag_ms": _spread([sample.oldest_ms for sample in course.steady]),
        "lag_entries": _spread([sample.entries for sample in course.steady]),
        "age_of_last_processed_ms": _spread([sample.last_ms for sample in course.steady]),
        "kitesim_late_s": round(max(course.played - ended, 0.0), 1),
        "drained_s_after_last_frame": round(course.drained - ended, 1) if course.drained else None,
        "ticks_not_appended": lost,
        **drops,
        "processes": _processes(course),
        **measure_outcome(datetime.fromtimestamp(steady_wall, UTC)),
    }


def _drops(pipeline: "Pipeline") -> tuple[dict[str, dict[str, int]], int]:
    """Return what the feed counted, and how many ticks of the recording never came to the stream."""
    from market.domain.quality import DROPPED

    metrics = pipeline.folder / "metrics"
    reasons = count_metric(metrics, "alphapanda_feed_drops_total", "reason")
    dropped = {name: count for name, count in reasons.items() if name in (*DROPPED, "inbox_full", "valkey")}
    kept = {name: count for name, count in reasons.items() if name not in dropped}
    appended = sum(count_metric(metrics, "alphapanda_feed_ticks_total", "feed").values())
    return {"dropped": dropped, "counted_but_kept": kept}, sum(pipeline.rates) - appended


def _spread(values: list[float]) -> dict[str, float]:
    return {name: round(percentile(values, share)) for name, share in (("p50", 0.5), ("p99", 0.99), ("max", 1.0))}


def _processes(course: "Course") -> dict[str, dict[str, float]]:
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


def in_words(found: dict[str, Any]) -> str:
    lag, rate, decided = found["lag_ms"], found["ticks_asked_per_s"], found["frame_to_signal_ms"]
    heads = (
        "ticks/s", "sustained", "lag p50", "p99", "max", "target p99", "dropped", "burst", "drained after",
        "frame to signal p50", "p99", "signals", "orders", "fills",
    )  # fmt: skip
    row = (
        f"{rate:,}", "yes" if found["sustained"] else "no", f"{lag['p50']} ms", f"{lag['p99']} ms", f"{lag['max']} ms",
        f"< {LAG_TARGET_MS} ms", found["ticks_not_appended"], f"{found['burst_ticks']:,}",
        f"{found['drained_s_after_last_frame']} s", f"{decided['p50']} ms", f"{decided['p99']} ms",
        found["signals"], found["orders"], found["fills"],
    )  # fmt: skip
    used = [
        (name, f"{one['cores']:.2f}", one["megabytes_before"], one["megabytes_halfway"], one["megabytes_after"])
        for name, one in found["processes"].items()
    ]
    use = markdown_table(("process", "cores", "MB before", "halfway", "after"), used)
    return f"{markdown_table(heads, [row])}\n\n{use}\n"


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
        found = run_trial(options.ticks, options.seconds, options.burst)
        print(in_words(found))
        print(json.dumps(found))
        return
    trials, rate = [], options.ticks
    while rate >= LOWEST_RATE and not (trials and trials[-1]["sustained"]):
        trials.append(in_a_process_of_its_own(rate, options))
        rate //= 2
    report = {
        "benchmark": "P2 pipeline",
        **describe_machine("django", "celery", "kiteconnect", "numpy"),
        "trials": trials,
    }
    print(json.dumps(report))
    if options.json:
        options.json.write_text(json.dumps(report, indent=2) + "\n")


if __name__ == "__main__":
    main()
