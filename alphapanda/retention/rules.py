"""How long the rows of each table are kept that no book, order or decision is made of."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Iterable
from datetime import date, datetime, time, timedelta
from pathlib import Path
from typing import Any

import structlog
from django.conf import settings
from django.contrib.sessions.models import Session
from django.db.models import Exists, Min, Model, OuterRef, Q, QuerySet, Subquery

from alphapanda.core.clock import market_now
from alphapanda.core.clock.market_time import wall_now
from alphapanda.core.timezone import IST, day_of
from instruments.models import Instrument
from market.candle_store import let_minutes_go
from market.models import Candle, Recording
from portfolio.models import PnlSnapshot, Portfolio, Trade
from trading.api.idempotency import REMEMBERED_FOR
from trading.models import (
    BookReading,
    DayOpening,
    Deployment,
    Evaluation,
    ExitPlan,
    PriceBand,
    RateWindow,
    RememberedRequest,
    Run,
    Signal,
)

log = structlog.get_logger()
Rows = QuerySet[Any]
# An account's windows are of one day at the longest; a week shows what was sent.
RATE_WINDOWS_KEPT = timedelta(days=7)
# They prove of one day's orders which were never placed; a month lets one look back.
READINGS_KEPT = timedelta(days=30)


class Rule(ABC):
    """``heaps`` are the rows past their time, each answered by an index; ``words`` are the rule as a page says it."""

    model: type[Model]
    title: str

    @property
    def table(self) -> str:
        return self.model._meta.db_table

    @property
    @abstractmethod
    def words(self) -> str: ...

    @abstractmethod
    def heaps(self) -> Iterable[Rows]: ...

    def let_go(self, rows: Rows, most: int) -> int:
        """Delete at most so many, in the caller's transaction. Returns how many."""
        _, by_model = self.model._base_manager.filter(pk__in=rows.order_by().values("pk")[:most]).delete()
        return by_model.get(self.model._meta.label, 0)


def first_moment(days: int) -> datetime:
    """Return when the first market day begins that is kept of so many before today."""
    return midnight(day_of(market_now()) - timedelta(days=days))


def midnight(day: date) -> datetime:
    return datetime.combine(day, time(0), IST)


def first_moment_to_rerun(days: int) -> datetime:
    """As ``first_moment``, but never later than the oldest day that can still be run again."""
    oldest: date | None = DayOpening.objects.aggregate(day=Min("day"))["day"]
    return min(first_moment(days), midnight(oldest)) if oldest else first_moment(days)


def parents_with(parents: Rows, children: Rows, moment: str, before: datetime | date) -> list[Any]:
    """Return the keys of those whose oldest child is older: one look into an index each."""
    oldest = Subquery(children.order_by(moment).values(moment)[:1])
    return list(parents.annotate(oldest=oldest).filter(oldest__lt=before).values_list("pk", flat=True))


class EvaluationRule(Rule):
    model, title = Evaluation, "Why no trade"

    @property
    def words(self) -> str:
        return f"{settings.EVALUATION_DAYS} days, and as long as its day can be run again"

    def heaps(self) -> Iterable[Rows]:
        before = first_moment_to_rerun(settings.EVALUATION_DAYS)
        runs = parents_with(Run.objects.order_by(), Evaluation.objects.filter(run=OuterRef("pk")), "at", before)
        return (Evaluation.objects.filter(run=run, at__lt=before) for run in runs)


class CandleRule(Rule):
    """Backtests ask for the candles of what is traded, so these stay."""

    model, title = Candle, "Candles"

    @property
    def words(self) -> str:
        return f"one-minute candles {settings.CANDLE_DAYS} days where nobody trades the instrument; all others for good"

    def heaps(self) -> Iterable[Rows]:
        before = first_moment(settings.CANDLE_DAYS)
        minutes = Candle.objects.filter(interval=1, start__lt=before)
        of_it = minutes.filter(instrument=OuterRef("pk"))
        untraded = parents_with(untraded_instruments(), of_it, "start", before)
        # Asked anew with each batch: a deployment may take an instrument up meanwhile.
        return (minutes.filter(instrument__in=untraded_instruments().filter(pk=one)) for one in untraded)

    def let_go(self, rows: Rows, most: int) -> int:
        return let_minutes_go(rows, first_moment(settings.CANDLE_DAYS), most)


def untraded_instruments() -> Rows:
    """Instruments that no deployment has, and that no signal, exit or trade ever was of."""
    owners = (Deployment.instruments.through, Signal, ExitPlan, Trade)
    used = [Exists(owner._base_manager.filter(instrument=OuterRef("pk"))) for owner in owners]
    return Instrument.objects.exclude(used[0] | used[1] | used[2] | used[3]).order_by()


class SnapshotRule(Rule):
    model, title = PnlSnapshot, "Profit by the minute"

    @property
    def words(self) -> str:
        return f"{settings.SNAPSHOT_DAYS} days; after that the last known of each day, for good"

    def heaps(self) -> Iterable[Rows]:
        before = day_of(first_moment(settings.SNAPSHOT_DAYS))
        old = PnlSnapshot.objects.filter(day__lt=before)
        owners = parents_with(Portfolio.objects.order_by(), old.filter(portfolio=OuterRef("pk")), "day", before)
        same_day = PnlSnapshot.objects.filter(portfolio=OuterRef("portfolio"), day=OuterRef("day")).order_by()
        later, known = same_day.filter(at__gt=OuterRef("at")), same_day.filter(net__isnull=False)
        is_superseded = Exists(later.filter(net__isnull=False)) | (
            Q(net__isnull=True) & (Exists(known) | Exists(later))
        )
        return (old.filter(is_superseded, portfolio=one) for one in owners)


class BandRule(Rule):
    model, title = PriceBand, "Price bands"

    @property
    def words(self) -> str:
        return f"{settings.BAND_DAYS} days, and as long as its day can be run again"

    def heaps(self) -> Iterable[Rows]:
        return [PriceBand.objects.filter(day__lt=day_of(first_moment_to_rerun(settings.BAND_DAYS)))]


class RequestRule(Rule):
    model, title = RememberedRequest, "Remembered requests"

    @property
    def words(self) -> str:
        return f"{REMEMBERED_FOR.days} days, as the API promises"

    def heaps(self) -> Iterable[Rows]:
        return [RememberedRequest.objects.filter(created_at__lt=wall_now() - REMEMBERED_FOR)]


class RateWindowRule(Rule):
    model, title = RateWindow, "Order rates"

    @property
    def words(self) -> str:
        return f"{RATE_WINDOWS_KEPT.days} days"

    def heaps(self) -> Iterable[Rows]:
        return [RateWindow.objects.filter(starts_at__lt=market_now() - RATE_WINDOWS_KEPT)]


class ReadingRule(Rule):
    model, title = BookReading, "Readings of brokers' books"

    @property
    def words(self) -> str:
        return f"{READINGS_KEPT.days} days; the rows they showed for good"

    def heaps(self) -> Iterable[Rows]:
        return [BookReading.objects.filter(began_at__lt=wall_now() - READINGS_KEPT)]


class SessionRule(Rule):
    model, title = Session, "Sign-ins"

    @property
    def words(self) -> str:
        return "until they end"

    def heaps(self) -> Iterable[Rows]:
        return [Session.objects.filter(expire_date__lt=wall_now())]


class RecordingRule(Rule):
    """The file goes first: a row without one goes the next time, a file without a row never would."""

    model, title = Recording, "Recordings"

    @property
    def words(self) -> str:
        return f"{settings.RECORDING_DAYS} days, with their files"

    def heaps(self) -> Iterable[Rows]:
        return [Recording.objects.filter(day__lt=day_of(first_moment(settings.RECORDING_DAYS)))]

    def let_go(self, rows: Rows, most: int) -> int:
        gone = [row.pk for row in rows[:most] if remove_file(Path(row.path))]
        return super().let_go(Recording.objects.filter(pk__in=gone), most)


def remove_file(path: Path) -> bool:
    """False: this process does not see the folder, or may not change it; another machine's does."""
    if not path.parent.is_dir():
        log.warning("recording_not_seen", path=str(path))
        return False
    try:
        path.unlink(missing_ok=True)
    except OSError as error:
        log.error("recording_not_removed", path=str(path), error=str(error))
        return False
    return True


RULES: tuple[Rule, ...] = (
    EvaluationRule(),
    CandleRule(),
    SnapshotRule(),
    BandRule(),
    RecordingRule(),
    RequestRule(),
    RateWindowRule(),
    ReadingRule(),
    SessionRule(),
)
