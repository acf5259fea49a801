"""P11: one decision of the gate, with one day, one year and three years of books behind the account.

    python -m benchmarks.p11_decision --decisions 60 --rounds 5

A signal by hand is judged as a worker judges it: under the account's lock, every rule asked, decision and order
written, one commit. Five portfolios trade ten round trips a day each and are snapshotted every minute; each carries a
lot into today. Beside it, in turns, stands the floor: a transaction that locks the account's row and commits.
The servers are embedded ones, durable as the demo's.
"""

import argparse
import json
import statistics
import sys
import time
from collections.abc import Callable
from datetime import timedelta
from decimal import Decimal
from pathlib import Path
from typing import Any

from benchmarks.harness import describe_machine, markdown_table, percentile
from benchmarks.own_servers import own_servers

LENGTHS = {"one day": 1, "one year": 365, "three years": 3 * 365}
TARGET = 1.25  # the longest beside the shortest: flat, but for the noise of a shared machine
CANCELLED = "cancelled"


class Bench:
    """An installation in which one account has traded today; its years are written by and by."""

    def __init__(self) -> None:
        from market.subscriptions import subscribe_instrument
        from portfolio.booking import transfer_money
        from tests.stories.pipeline import Pipeline
        from trading.orders import requests

        self.pipeline = pipeline = Pipeline.open()
        subscribe_instrument(pipeline.feed, pipeline.infy, "full", ref="benchmark")
        pipeline.play("1500")
        for side in ("BUY", "SELL"):
            requests.place_manual(pipeline.account, pipeline.infy, side, 10, "MARKET", "MIS", by="benchmark")
            pipeline.play("1500", "1500", "1500")
        transfer_money(pipeline.account.pk, Decimal(10_00_00_000), "years of charges")
        self.written = 0

    def lengthen(self, days: int) -> None:
        """Let the books reach ``days`` back from the last trading day."""
        from benchmarks.book_history import analyse_tables, write_history
        from tests.stories.pipeline import DAY

        newest = DAY - timedelta(days=3)
        first, last = newest - timedelta(days=days - 1), newest - timedelta(days=self.written)
        write_history(self.pipeline.account, first, last, round_trips=10, minutes_apart=1)
        self.written = days
        analyse_tables()

    def judge_once(self) -> float:
        """Return how many milliseconds one approved decision took; its order is taken out of the way again."""
        from trading.models import Order, Signal
        from trading.orders import requests
        from trading.risk.assessment import judge_signal

        pipeline = self.pipeline
        pipeline.append_quote("1500")
        asked = requests.place_manual(
            pipeline.account, pipeline.infy, "BUY", 10, "LIMIT", "MIS", by="benchmark", price=Decimal(1500)
        )
        signal = Signal.objects.select_related("account", "instrument", "deployment", "run").get(pk=asked.pk)
        took = timed(lambda: judge_signal(signal))
        # As if of yesterday and cancelled: each decision finds the same few orders before it.
        yesterday = pipeline.now - timedelta(days=1)
        if not Order.objects.filter(signal=signal).update(state=CANCELLED, market_time=yesterday):
            raise SystemExit(f"the decision was a refusal: {signal.decision.refusal_codes}")
        return took

    def lock_once(self) -> float:
        from django.db import transaction

        from portfolio.models import Account

        def lock() -> None:
            with transaction.atomic():
                Account.objects.locked(self.pipeline.account.pk)

        return timed(lock)

    def counts(self) -> dict[str, int]:
        from benchmarks.book_history import TABLES

        return {model.__name__: model.objects.count() for model in TABLES}


def timed(work: Callable[[], object]) -> float:
    began = time.perf_counter()
    work()
    return (time.perf_counter() - began) * 1000


def measure(bench: Bench, decisions: int, rounds: int) -> dict[str, Any]:
    """Medians of ``rounds`` medians, the decision and the floor in turns."""
    judged, locked = [], []
    for _ in range(rounds):
        pairs = [(bench.judge_once(), bench.lock_once()) for _ in range(decisions)]
        judged.append([pair[0] for pair in pairs])
        locked.append([pair[1] for pair in pairs])
    every = [each for one in judged for each in one]
    return {
        "decision_ms": statistics.median(statistics.median(one) for one in judged),
        "p99_ms": percentile(every, 0.99),
        "floor_ms": statistics.median(statistics.median(one) for one in locked),
        "rows": bench.counts(),
    }


def run(decisions: int, rounds: int) -> dict[str, Any]:
    with own_servers():
        return run_lengths(decisions, rounds)


def run_lengths(decisions: int, rounds: int) -> dict[str, Any]:
    import django
    from django.core.management import call_command

    django.setup()
    call_command("migrate", verbosity=0, interactive=False)
    bench, found = Bench(), {}
    for name, days in LENGTHS.items():
        bench.lengthen(days)
        measure(bench, decisions, 1)  # warms plans and pages
        found[name] = measure(bench, decisions, rounds)
        print(f"{name}: {found[name]['decision_ms']:.1f} ms", file=sys.stderr)
    return found


def report_table(found: dict[str, Any]) -> str:
    first = found["one day"]["decision_ms"]
    rows = [
        (
            name,
            f"{each['rows']['LedgerEntry']:,}",
            f"{each['rows']['PnlSnapshot']:,}",
            f"{each['decision_ms']:.1f}",
            f"{each['p99_ms']:.1f}",
            f"{each['floor_ms']:.2f}",
            f"{each['decision_ms'] / first:.2f}",
        )
        for name, each in found.items()
    ]
    heads = ("history", "ledger entries", "snapshots", "decision ms", "p99 ms", "floor ms", "× one day")
    return markdown_table(heads, rows)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--decisions", type=int, default=60)
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--json", type=Path, help="write what was found to this file, too")
    options = parser.parse_args()
    machine = describe_machine("django", "psycopg")
    found = run(options.decisions, options.rounds)
    print(report_table(found))
    ratio = found["three years"]["decision_ms"] / found["one day"]["decision_ms"]
    print(f"three years beside one day: {ratio:.2f}×; target ≤ {TARGET}× ({'met' if ratio <= TARGET else 'short'})")
    if options.json:
        report = {"benchmark": "P11 decision", **machine, "found": found}
        options.json.write_text(json.dumps(report, indent=2) + "\n")


if __name__ == "__main__":
    main()
