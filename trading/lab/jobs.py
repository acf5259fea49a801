"""Backtests as jobs: asked, worked off one after the other in the lab's queue, taken back, gone on with after a kill.

A job holds no part of a result while it runs. How far it has come is kept now and then: killed, it goes on from there,
or begins anew where its code or data are others by now; either way the result is that of a run nobody killed.
"""

import os
import socket
from collections.abc import Callable
from datetime import date, datetime, timedelta
from pathlib import Path
from typing import Any

import structlog
from celery.worker import state as worker_state
from django.conf import settings
from django.db import transaction
from django.db.models import F

from alphapanda.core.clock.market_time import wall_now
from alphapanda.core.journal.services import record_event
from market.models import Recording
from market.recording import NotARecording
from trading import wakeups
from trading.errors import NOBODYS_FAULT, NotAllowed
from trading.lab.backtest import run_backtest
from trading.lab.candle_columns import SUFFIXES, BadCandles
from trading.lab.report import as_json, stopped_words
from trading.lab.request import BacktestRequest, BadRequest
from trading.lab.request_checks import check_request
from trading.models import Backtest, BacktestHalfway
from trading.run.faults import StrategyFault, error_words
from trading.strategies.parameters import BadParameters

log = structlog.get_logger()
QUEUE, PARTITION = "lab", "lab"
WORKER = f"lab@{socket.gethostname()}:{os.getpid()}"
# A day of candles takes a second or so: a worker that says nothing for as long is dead.
SILENT_AFTER = timedelta(minutes=2)
BEAT_EVERY = timedelta(seconds=1)
# What is played anew after a kill, at the most; to keep it takes a second or less.
KEEP_EVERY = timedelta(seconds=30)
MOST_ATTEMPTS = 3
S = Backtest.State


class TakenBack(Exception):
    """Somebody has cancelled the job, or another worker has begun it anew."""


def ask_backtest(request: BacktestRequest, by: str) -> Backtest:
    """Put a backtest into the queue. Raises BadRequest or BadParameters for what could not be run."""
    check_request(request)
    job = Backtest.objects.create(strategy=request.strategy, request=request.to_json(), asked_by=by)
    record_event("backtest.asked", key=str(job.pk), payload={"backtest": str(job), "by": by})
    wakeups.wake_stage_after_commit(wakeups.BACKTESTS, PARTITION, QUEUE)
    return job


def cancel_backtest(job: Backtest, by: str) -> None:
    """Take a job back, also while it runs. Raises NotAllowed where it is over."""
    taken = Backtest.objects.open().filter(pk=job.pk)
    if not taken.update(state=S.CANCELLED, finished_at=wall_now(), error=f"cancelled by {by}"):
        raise NotAllowed("it is over already")
    BacktestHalfway.objects.filter(backtest=job).delete()
    record_event("backtest.cancelled", key=str(job.pk), payload={"backtest": str(job), "by": by})


def work_off() -> int:
    """Run what waits, oldest first, until nothing does. Returns how many."""
    done = 0
    while worker_state.should_stop is None and (job := _claim()):
        _run(job)
        done += 1
    return done


def wake_for_backtests(now: datetime) -> int:
    """Put back what a worker that died had begun, and wake the lab if anything waits. Returns how many wait.

    One that came further before its worker died is never given up: it will end.
    """
    silent = Backtest.objects.filter(state=S.RUNNING, beat_at__lt=now - SILENT_AFTER)
    given_up = silent.filter(attempts__gte=MOST_ATTEMPTS).exclude(halfway__kept_at__gt=F("started_at"))
    given_up.update(state=S.FAILED, finished_at=now, error=f"its worker died {MOST_ATTEMPTS} times")
    BacktestHalfway.objects.filter(backtest__state=S.FAILED).delete()
    silent.update(state=S.WAITING, worker="")
    waiting = Backtest.objects.filter(state=S.WAITING).count()
    if waiting:
        wakeups.wake_stage(wakeups.BACKTESTS, PARTITION, QUEUE)
    return waiting


@transaction.atomic
def _claim() -> Backtest | None:
    job = Backtest.objects.filter(state=S.WAITING).order_by("asked_at").select_for_update(skip_locked=True).first()
    if job is None:
        return None
    now = wall_now()
    job.state, job.worker, job.started_at, job.beat_at = S.RUNNING, WORKER, now, now
    job.attempts += 1
    job.save(update_fields=["state", "worker", "started_at", "beat_at", "attempts"])
    return job


def _run(job: Backtest) -> None:
    try:
        outcome = run_backtest(BacktestRequest.from_json(job.request), _Beat(job), _Keeper(job))
        changes = {
            "state": S.FAULTED if outcome.stopped else S.DONE, "result": as_json(outcome),
            "error": stopped_words(outcome.stopped) if outcome.stopped else "", "code_hash": outcome.code_hash,
            "data_digest": outcome.data_digest,
        }  # fmt: skip
    except TakenBack:
        log.info("backtest_taken_back", backtest=str(job.pk))
        return
    except NOBODYS_FAULT:
        raise
    except (NotAllowed, BadRequest, BadCandles, BadParameters, NotARecording, StrategyFault) as refused:
        changes = {"state": S.FAILED, "error": str(refused)}
    except Exception as error:
        log.exception("backtest_failed", backtest=str(job.pk))
        changes = {"state": S.FAILED, "error": f"it failed: {error_words(error)}"}
    if _own(job).update(**changes, finished_at=wall_now()):
        BacktestHalfway.objects.filter(backtest=job).delete()
        told = {"backtest": str(job), "error": str(changes.get("error", ""))[:300]}
        record_event("backtest.failed" if told["error"] else "backtest.done", key=str(job.pk), payload=told)


def _own(job: Backtest) -> Any:
    return Backtest.objects.filter(pk=job.pk, state=S.RUNNING, worker=job.worker, attempts=job.attempts)


class _Beat:
    """Says now and then how far the job has come, and learns whether it is still wanted, and its worker."""

    def __init__(self, job: Backtest) -> None:
        self.job, self.said_at = job, wall_now()

    def __call__(self, day: date, nth: int) -> None:
        """Raises TakenBack."""
        if worker_state.should_stop is not None:
            _own(self.job).update(state=S.WAITING, worker="")
            raise TakenBack
        now = wall_now()
        if now - self.said_at < BEAT_EVERY:
            return
        self.said_at = now
        if not _own(self.job).update(beat_at=now, day=day, days_played=nth):
            raise TakenBack


class _Keeper:
    """Keeps the state of the job now and then, and when its worker is told to stop; nobody else's."""

    def __init__(self, job: Backtest) -> None:
        self.job, self.kept_at = job, wall_now()

    def kept(self) -> bytes | None:
        found = BacktestHalfway.objects.filter(backtest=self.job).values_list("state", flat=True).first()
        return None if found is None else bytes(found)

    def keep(self, state: Callable[[], bytes | None]) -> None:
        """Raises TakenBack."""
        is_due = wall_now() - self.kept_at >= KEEP_EVERY or worker_state.should_stop is not None
        if not is_due or (packed := state()) is None:
            return
        self.kept_at = wall_now()
        with transaction.atomic():
            if not _own(self.job).select_for_update().exists():
                raise TakenBack
            BacktestHalfway.objects.update_or_create(
                backtest=self.job, defaults={"kept_at": self.kept_at, "state": packed}
            )


# ---- what may be asked from a page or a script ---------------------------------------------------------------


def candle_folder() -> Path:
    return Path(settings.LAB_CANDLES)


def candles_here() -> list[str]:
    """The files of candles in the lab's folder, by their names within it."""
    folder = candle_folder()
    found = (path for path in folder.rglob("*") if path.is_file() and path.name.endswith(SUFFIXES))
    return sorted(str(path.relative_to(folder)) for path in found) if folder.is_dir() else []


def recordings_here() -> list[str]:
    """The days of which there is a whole recording."""
    return [str(day) for day in _recordings().order_by("-day").values_list("day", flat=True)]


def recording_of(day: str) -> str:
    """Return the file of a day recorded here. Raises BadRequest."""
    try:
        found = _recordings().filter(day=date.fromisoformat(day)).first()
    except ValueError:
        found = None
    if found is None:
        known = ", ".join(recordings_here()[:10]) or "none yet"
        raise BadRequest({"recordings": f"no whole recording of {day} is here; there are: {known}"})
    return found.path


def _recordings() -> Any:
    return Recording.objects.filter(state=Recording.State.CLOSED)


def within_folder(asked: Any) -> dict[str, Any]:
    """Return a request with the files its names mean: candles of the lab's folder, days recorded here, no other file.

    Raises BadRequest.
    """
    if not isinstance(asked, dict):
        raise BadRequest({"request": "an object of names and values is wanted"})
    here, candles = set(candles_here()), _names(asked, "candles")
    if strange := [name for name in candles if name not in here]:
        raise BadRequest({"candles": f"{', '.join(strange)} is not in {candle_folder()}"})
    return asked | {
        "candles": [str(candle_folder() / name) for name in candles],
        "recordings": [recording_of(day) for day in _names(asked, "recordings")],
    }


def _names(asked: dict[str, Any], field: str) -> list[str]:
    names = asked.get(field) or []
    if not isinstance(names, list) or not all(isinstance(name, str) for name in names):
        raise BadRequest({field: "a list of names is wanted"})
    return names
