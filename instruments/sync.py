"""Replaces what stands by today's dump, whole or not at all, and says what changed."""

from collections.abc import Sequence
from datetime import date
from typing import Any

from django.db import connection, transaction

from alphapanda.core.clock import market_now
from alphapanda.core.journal.services import record_event
from alphapanda.core.timezone import IST
from instruments import difference, sanity
from instruments.domain.contracts import EXCHANGES
from instruments.dumps import DumpSource, Problem, Progress
from instruments.models import Instrument, InstrumentLoad
from instruments.reports import ExchangeChanges, LoadReport
from instruments.staging import MOST_PROBLEMS, stage_dumps

LOAD_LOCK = 0x1057  # any number of our own: one load at a time


class LoadRefused(Exception):
    """The dump is not believed; what stood before still stands. ``problems`` say why, with file and row."""

    def __init__(self, problems: Sequence[Problem]) -> None:
        super().__init__("; ".join(str(problem) for problem in problems[:3]))
        self.problems = list(problems[:MOST_PROBLEMS])


class _OnlyTried(Exception):
    """Ends a dry run: everything it did is rolled back."""


def load_dumps(
    sources: Sequence[DumpSource],
    *,
    day: date | None = None,
    exchanges: Sequence[str] = (),
    is_whole: bool = False,
    accept_losses: bool = False,
    dry_run: bool = False,
    progress: Progress | None = None,
) -> LoadReport:
    """Load dumps of one day in one transaction and report what changed.

    1. Stage every row of every source, refusing what cannot be right.
    2. Replace what stands for the exchanges loaded, unless too much of it would be lost.
    3. On a dry run roll all of it back; on a refusal keep the refusal alone.

    ``day`` is the market day the dump is of; without it today, or the earliest expiry in the dump if that is
    earlier (a dump holds nothing that has expired). ``exchanges`` keeps only those, and insists on them.
    ``is_whole`` says that the dump holds every exchange: one that stands and is not in it has been lost.
    ``accept_losses`` waives the comparison with what stands, nothing else.
    Raises LoadRefused, and then nothing has changed but one refused InstrumentLoad.
    """
    report = LoadReport(sources=[source.name for source in sources], day=day)
    try:
        with transaction.atomic():
            _stage(report, sources, exchanges, progress)
            _replace(report, _exchanges_loaded(report, exchanges, is_whole), accept_losses)
            if dry_run:
                raise _OnlyTried
    except _OnlyTried:
        return report
    except LoadRefused as refused:
        if not dry_run:
            _note_refusal(report, refused)
        raise
    return report


def _stage(
    report: LoadReport, sources: Sequence[DumpSource], exchanges: Sequence[str], progress: Progress | None
) -> None:
    """Copy the dumps beside what stands and ask everything that can be asked of them alone."""
    _take_lock()
    names = report.sources
    problems = stage_dumps(sources, progress) + sanity.unknown_exchanges(names)
    _leave_out(report, exchanges or EXCHANGES)
    _refuse_if(problems + sanity.row_problems(names))
    if report.day:
        _refuse_if(sanity.expired_contracts(names, report.day))
    report.day = report.day or _day_of_the_dump()


def _replace(report: LoadReport, exchanges: list[str], accept_losses: bool) -> None:
    """Ask how the dump compares with what stands; then put it in its place."""
    assert report.day is not None
    _refuse_if(_history_problems(exchanges, report.day))
    _refuse_if(sanity.held_elsewhere(report.sources, exchanges))
    _refuse_if([] if accept_losses else sanity.suspicious_losses(exchanges, report.day))
    difference.apply_difference(report, exchanges)
    _note_acceptance(report)


def _take_lock() -> None:
    with connection.cursor() as cursor:
        # A whole exchange at once takes longer than a request may.
        cursor.execute("SET LOCAL statement_timeout = '120s'")
        cursor.execute("SELECT pg_try_advisory_xact_lock(%s)", [LOAD_LOCK])
        if not cursor.fetchone()[0]:
            raise LoadRefused([Problem("", None, "another load is running; try again when it has ended")])


def _leave_out(report: LoadReport, wanted: Sequence[str]) -> None:
    """Count the rows of each exchange and drop those of exchanges that are not wanted."""
    with connection.cursor() as cursor:
        cursor.execute("SELECT exchange, count(*) FROM incoming GROUP BY exchange ORDER BY exchange")
        counts = dict(cursor.fetchall())
        report.left_out = {exchange: count for exchange, count in counts.items() if exchange not in wanted}
        report.exchanges = {name: ExchangeChanges(rows=counts[name]) for name in counts if name in wanted}
        if report.left_out:
            cursor.execute("DELETE FROM incoming WHERE NOT exchange = ANY(%s)", [list(wanted)])


def _day_of_the_dump() -> date:
    today = market_now().astimezone(IST).date()
    with connection.cursor() as cursor:
        cursor.execute("SELECT min(expiry COLLATE \"C\")::date FROM incoming WHERE expiry <> ''")
        first_expiry: date | None = cursor.fetchone()[0]
    return min(today, first_expiry) if first_expiry else today


def _exchanges_loaded(report: LoadReport, insisted: Sequence[str], is_whole: bool) -> list[str]:
    """Return the exchanges this load replaces. Raises LoadRefused for one that was asked for and did not come."""
    present = list(report.exchanges)
    absent = [exchange for exchange in insisted if exchange not in present]
    _refuse_if([Problem("", None, f"no row of {exchange}, which was asked for") for exchange in absent])
    _refuse_if([] if present else [Problem("", None, "no row of an exchange this installation trades")])
    standing = Instrument.objects.listed().values_list("exchange", flat=True).distinct() if is_whole else ()
    return sorted({*present, *standing})


def _history_problems(exchanges: Sequence[str], day: date) -> list[Problem]:
    stands = {exchange: InstrumentLoad.objects.last_day_of(exchange) for exchange in exchanges}
    return [
        Problem("", None, f"{exchange}: a dump of {day}, but that of {last} stands already")
        for exchange, last in stands.items()
        if last and last > day
    ]


def _refuse_if(problems: list[Problem]) -> None:
    if problems:
        raise LoadRefused(problems)


def _note_acceptance(report: LoadReport) -> None:
    accepted = InstrumentLoad.objects.create(
        day=report.day,
        state=InstrumentLoad.State.ACCEPTED,
        sources=report.sources,
        rows={exchange: changes.rows for exchange, changes in report.exchanges.items()},
        report=report.as_dict(),
    )
    record_event("instruments.loaded", key=str(accepted.id), payload=report.totals())


def _note_refusal(report: LoadReport, refused: LoadRefused) -> None:
    problems: list[Any] = [str(problem) for problem in refused.problems]
    refusal = InstrumentLoad.objects.create(
        day=report.day, state=InstrumentLoad.State.REFUSED, sources=report.sources, problems=problems
    )
    record_event("instruments.refused", key=str(refusal.id), payload={"problems": problems})
