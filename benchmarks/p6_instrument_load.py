"""P6: load 120,000 instruments, beside a plain COPY, bulk_create and update_conflicts of the same dump.

    python -m benchmarks.p6_instrument_load [--rows 120000] [--rounds 5] [--json FILE]

Every contestant starts from the same CSV in memory and must leave the same instruments behind. Ours also checks
every row, keeps each token's history, reports what changed and records the load; the others only store.
"""

import argparse
import csv
import io
import json
import os
import platform
import shutil
import statistics
import sys
import time
from collections.abc import Callable, Iterator
from datetime import date
from decimal import Decimal
from pathlib import Path
from typing import Any

DAY = date(2026, 8, 17)
COLUMNS = (
    "instrument_token,exchange_token,tradingsymbol,name,last_price,expiry,strike,tick_size,lot_size,"
    "instrument_type,segment,exchange"
)
FIRST_LOAD_TARGET, UNCHANGED_TARGET = 2.5, 1.0
STORED = (
    "exchange, tradingsymbol, expiry, name, instrument_type, segment, strike, tick_size, lot_size, instrument_token"
)

Result = dict[str, list[float]]


def make_dump(rows: int, lot_size: int) -> bytes:
    """Build a dump: a twelfth shares and indices, the rest options of 40 underlyings."""
    lines = [COLUMNS]
    shares = rows // 12
    for number in range(1, shares + 1):
        lines.append(f'{number * 256 + 1},{number},SHARE{number},"SHARE {number}, LTD",0,,0,0.05,1,EQ,NSE,NSE')
    for number in range(rows - shares):
        token, underlying = 100_000 + number, f"SHARE{number % 40 + 1}"
        expiry, side = ("2026-08-25", "2026-09-29", "2026-10-27")[number % 3], ("CE", "PE")[number % 2]
        lines.append(
            f'{token * 256 + 2},{token},{underlying}26{number}{side},"{underlying}",0,{expiry},{100 + number},0.05,'
            f"{lot_size},{side},NFO-OPT,NFO"
        )
    return ("\n".join(lines) + "\n").encode()


def parse_dump(content: bytes) -> Iterator[dict[str, str]]:
    return csv.DictReader(io.StringIO(content.decode()))


class Contest:
    """The contestants, on one database. Django is imported only once the database is named."""

    def __init__(self, rows: int) -> None:
        from django.db import connection

        from alphapanda.core.ids import new_id
        from instruments.models import Instrument

        self.connection, self.new_id, self.model = connection, new_id, Instrument
        self.content, self.changed = make_dump(rows, 75), make_dump(rows, 65)
        self.prepared = [self._row(fields) for fields in parse_dump(self.content)]

    def copy_prepared(self) -> None:
        """The physical floor: rows ready in memory, copied into the table with its indexes."""
        self._copy(self.prepared)

    def copy_from_csv(self) -> None:
        self._copy(self._row(fields) for fields in parse_dump(self.content))

    def bulk_create(self) -> None:
        self.model.objects.bulk_create(self._models(self.content), batch_size=2000)

    def update_conflicts(self) -> None:
        from instruments.difference import WATCHED

        self.model.objects.bulk_create(
            self._models(self.changed),
            batch_size=2000,
            update_conflicts=True,
            unique_fields=["exchange", "tradingsymbol", "expiry"],
            update_fields=[*WATCHED, "exchange_token"],
        )

    def load(self, content: bytes) -> None:
        from instruments import sync
        from instruments.dumps import from_bytes

        sync.load_dumps([from_bytes("synthetic.csv", content)], day=DAY)

    def fingerprint(self) -> str:
        question = (
            f"SELECT md5(string_agg(line::text, '|' ORDER BY line)) FROM (SELECT ({STORED}) AS line FROM %s) AS l"
        )
        with self.connection.cursor() as cursor:
            cursor.execute(question % self.model._meta.db_table)
            return str(cursor.fetchone()[0])

    def empty(self) -> None:
        with self.connection.cursor() as cursor:
            cursor.execute(f"TRUNCATE {self.model._meta.db_table}, instruments_instrumentload CASCADE")
        self.quiesce()

    def quiesce(self) -> None:
        """Let no contestant pay for the one before it."""
        with self.connection.cursor() as cursor:
            cursor.execute(f"VACUUM ANALYZE {self.model._meta.db_table}")
            cursor.execute("CHECKPOINT")

    def _row(self, fields: dict[str, str]) -> tuple[Any, ...]:
        expiry, strike = fields["expiry"] or None, fields["strike"]
        return (
            self.new_id(),
            fields["exchange"],
            fields["tradingsymbol"],
            expiry and date.fromisoformat(expiry),
            fields["name"],
            fields["instrument_type"],
            fields["segment"],
            Decimal(strike) if strike != "0" else None,
            Decimal(fields["tick_size"]),
            int(fields["lot_size"]),
            int(fields["instrument_token"]),
            int(fields["exchange_token"]),
            True,
            False,
            DAY,
        )

    def _copy(self, rows: Any) -> None:
        from django.db import transaction

        names = f"id, {STORED}, exchange_token, listed, has_derivatives, first_seen"
        statement = f"COPY {self.model._meta.db_table} ({names}) FROM STDIN"
        with transaction.atomic(), self.connection.cursor() as cursor, cursor.copy(statement) as copy:
            for row in rows:
                copy.write_row(row)

    def _models(self, content: bytes) -> list[Any]:
        names = ("id", *STORED.split(", "), "exchange_token", "listed", "has_derivatives", "first_seen")
        return [self.model(**dict(zip(names, self._row(fields), strict=True))) for fields in parse_dump(content)]


def time_work(work: Callable[[], object]) -> float:
    began = time.perf_counter()
    work()
    return time.perf_counter() - began


def play_round(contest: Contest, results: Result) -> None:
    """One round: everyone once, in the same order, each on a vacuumed table: empty, or filled by the one named."""
    seen: dict[str, set[str]] = {"dump": set(), "changed dump": set()}
    for name, starts_empty, leaves, work in (
        ("COPY, rows ready in memory", True, "dump", contest.copy_prepared),
        ("COPY, from the CSV", True, "dump", contest.copy_from_csv),
        ("bulk_create", True, "dump", contest.bulk_create),
        ("update_conflicts, all changed", False, "changed dump", contest.update_conflicts),
        ("ours, first load", True, "dump", lambda: contest.load(contest.content)),
        ("ours, unchanged", False, "dump", lambda: contest.load(contest.content)),
        ("ours, all changed", False, "changed dump", lambda: contest.load(contest.changed)),
    ):
        contest.empty() if starts_empty else contest.quiesce()
        results.setdefault(name, []).append(time_work(work))
        seen[leaves].add(contest.fingerprint())
    if any(len(fingerprints) != 1 for fingerprints in seen.values()):
        raise SystemExit("the contestants disagree about what was loaded")


def make_report(results: Result, rows: int) -> dict[str, Any]:
    medians = {name: statistics.median(times) for name, times in results.items()}
    floor = medians["COPY, rows ready in memory"]
    return {
        "rows": rows,
        "rounds": len(next(iter(results.values()))),
        "machine": f"{os.cpu_count()} cores, {platform.machine()}, Python {platform.python_version()}",
        "versions": server_versions(),
        "seconds": {name: round(median, 3) for name, median in medians.items()},
        "spread": {name: [round(min(times), 3), round(max(times), 3)] for name, times in results.items()},
        "ratio_to_copy": {name: round(median / floor, 2) for name, median in medians.items()},
        "targets": {"ours, first load": FIRST_LOAD_TARGET, "ours, unchanged": UNCHANGED_TARGET},
    }


def server_versions() -> dict[str, str]:
    import django
    import psycopg
    from django.db import connection

    with connection.cursor() as cursor:
        cursor.execute("SHOW server_version")
        server = str(cursor.fetchone()[0])
    return {"django": django.get_version(), "psycopg": psycopg.__version__, "postgresql": server}


def report_table(found: dict[str, Any]) -> str:
    lines = [
        f"P6, {found['rows']:,} rows, median of {found['rounds']} rounds; {found['machine']}; "
        + ", ".join(f"{name} {version}" for name, version in found["versions"].items()),
        "",
        "| | seconds | lowest–highest | × COPY | target |",
        "|---|--:|--:|--:|--:|",
    ]
    for name, seconds in found["seconds"].items():
        low, high = found["spread"][name]
        target = found["targets"].get(name)
        told = f"≤ {target}" if target else ""
        lines.append(f"| {name} | {seconds:.2f} | {low:.2f}–{high:.2f} | {found['ratio_to_copy'][name]:.2f} | {told} |")
    return "\n".join(lines)


def run_rounds(rows: int, rounds: int) -> dict[str, Any]:
    from alphapanda.runner.embedded import start_servers, temporary_folder

    os.environ.setdefault("SECRET_KEY", "only-for-this-benchmark")
    os.environ.setdefault("LOG_LEVEL", "ERROR")
    os.environ.setdefault("DJANGO_SETTINGS_MODULE", "alphapanda.settings")
    folder = temporary_folder()
    servers = start_servers(folder, keep=True, database="benchmark")
    try:
        os.environ.update(servers.environment())
        prepare_servers(folder)
        contest, results = Contest(rows), {}
        for number in range(1, rounds + 1):
            print(f"round {number} of {rounds}", file=sys.stderr)
            play_round(contest, results)
        return make_report(results, rows)
    finally:
        servers.stop()
        shutil.rmtree(folder, ignore_errors=True)


def prepare_servers(folder: Path) -> None:
    import django
    from django.conf import settings
    from django.core.management import call_command

    # One statement of a contestant may take longer than a request's may.
    options = settings.DATABASES["default"].setdefault("OPTIONS", {})
    options["options"] = "-c statement_timeout=0"
    django.setup()
    call_command("migrate", verbosity=0)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--rows", type=int, default=120_000)
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--json", type=Path, help="write what was found to this file, too")
    options = parser.parse_args()
    found = run_rounds(options.rows, options.rounds)
    print(report_table(found))
    if options.json:
        options.json.write_text(json.dumps(found, indent=2) + "\n")


if __name__ == "__main__":
    main()
