"""Backtests: what waits, runs and was done, newest first."""

from __future__ import annotations

from datetime import timedelta
from typing import Any, TypedDict

from django.db.models.fields.json import KT
from django.urls import reverse

from alphapanda.core.figures import counted, iso
from alphapanda.dashboard.panels.ages import Age, read_now
from alphapanda.dashboard.panels.context import PageContext
from alphapanda.dashboard.panels.lab.terms import differing_words
from alphapanda.dashboard.panels.shell import CommonFacts, common_facts
from trading.lab.jobs import candle_folder
from trading.models import Backtest

SHOWN = 50
S = Backtest.State
LOOKS = {
    S.WAITING: ("loading", ""),
    S.RUNNING: ("running", ""),
    S.DONE: ("tick", ""),
    S.FAULTED: ("cross", "fault"),
    S.FAILED: ("cross", "fault"),
    S.CANCELLED: ("struck", ""),
}
# Of a result, what a row shows: the rest may be megabytes.
FIGURES = {f"result_{name}": KT(f"result__{name}") for name in ("net", "trades", "needs_ticks")}


class BacktestRow(TypedDict):
    key: str
    href: str
    what: str
    of: str
    differs: str
    days: str
    icon: str
    tone: str
    state: str
    progress: str
    net: str | None
    has_figures: bool
    no_figures: str
    trades: int | None
    asked: str | None
    cancel: str
    may_cancel: bool


class LabSnapshot(CommonFacts):
    sentence: str
    age: Age
    rows: list[BacktestRow]
    empty: str


def lab_snapshot(user: Any) -> LabSnapshot:
    page = PageContext()
    jobs = list(Backtest.objects.defer("result").annotate(**FIGURES)[:SHOWN])
    return {
        **common_facts(page),
        "sentence": sentence_of(jobs),
        "age": read_now(page),
        "rows": [backtest_row(job) for job in jobs],
        "empty": "" if jobs else f"No backtest yet. Candles are taken from {candle_folder()}.",
    }


def sentence_of(jobs: list[Backtest]) -> str:
    running = sum(job.state == S.RUNNING for job in jobs)
    waiting = sum(job.state == S.WAITING for job in jobs)
    if not running and not waiting:
        return "What would a strategy have done? By the code that trades, on candles or recordings."
    return f"{running} running, {waiting} waiting."


def backtest_row(job: Any) -> BacktestRow:
    icon, tone = LOOKS[S(job.state)]
    asked = job.request
    has_figures = job.state in (S.DONE, S.FAULTED)
    return {
        "key": str(job.pk),
        "href": reverse("dashboard:backtest", args=[job.pk]),
        "what": job.strategy,
        "of": instruments_words(asked["instruments"]),
        "differs": differing_words(job.strategy, asked),
        "days": days_words(asked),
        "icon": icon,
        "tone": tone,
        "state": S(job.state).label.capitalize(),
        "progress": progress_words(job),
        "net": job.result_net,
        # Not "unknown": there is no figure that somebody could know.
        "has_figures": has_figures,
        "no_figures": "" if has_figures else "—",
        "trades": int(job.result_trades) if job.result_trades is not None else None,
        "asked": iso(job.asked_at),
        "cancel": reverse("dashboard:cancel_backtest", args=[job.pk]),
        "may_cancel": job.state in (S.WAITING, S.RUNNING),
    }


def instruments_words(keys: list[str]) -> str:
    return ", ".join(keys[:3]) + (f" and {len(keys) - 3} more" if len(keys) > 3 else "")


def days_words(asked: dict[str, Any]) -> str:
    first, last = asked.get("first"), asked.get("last")
    if not first and not last:
        return "all days of its data"
    return f"{first or 'the first day'} to {last or 'the last'}"


def progress_words(job: Any) -> str:
    """What a row says beside the state: how far, what went wrong, or what one has to know."""
    if job.state == S.RUNNING:
        played = f"{counted(job.days_played, 'day')}, at {job.day}" if job.day else "reading its data"
        return f"{played}; gone on with after its worker died" if job.attempts > 1 else played
    if job.state in (S.FAULTED, S.FAILED, S.CANCELLED):
        return str(job.error)
    return str(job.result_needs_ticks or "") if job.state == S.DONE else ""


def took(job: Backtest) -> timedelta | None:
    return job.finished_at - job.started_at if job.finished_at and job.started_at else None
