"""What waits in each stage and queue, and what was given up."""

from __future__ import annotations

from datetime import datetime
from typing import Any, TypedDict

import redis
from django.db.models import Count, Min
from django.urls import reverse

from alphapanda.core.figures import age, iso
from alphapanda.core.journal.models import DeadLetter
from alphapanda.dashboard.panels.ages import Age, fixed_age, read_now
from alphapanda.dashboard.panels.context import PageContext
from market.models import Shard
from trading.models import Order, PaperOrder, PaperRequest, PaperTrade, RunInput, Signal
from trading.orders.life_cycle import OrderState, SignalState
from trading.wakeups import valkey_client

QUEUES = ("risk", "orders.paper", "housekeeping", "lab")
SHOWN_LETTERS = 30


class StagesPanel(TypedDict):
    age: Age
    rows: list[StageRow]


def stages_panel(page: PageContext) -> StagesPanel:
    """Rows that wait for each stage. PostgreSQL is asked, not the queues: a message may be lost, a row is not."""
    return {"age": read_now(page), "rows": [stage_row(page, *stage) for stage in list_stages(page)]}


def list_stages(page: PageContext) -> list[tuple[str, str, Any, str]]:
    due = PaperRequest.objects.filter(is_done=False, arrives_at__lte=page.now)
    return [
        ("assess_signals", "signals to be judged", Signal.objects.filter(state=SignalState.NEW), "created_at"),
        ("execute_orders", "orders to be sent", Order.objects.filter(state=OrderState.CREATED), "created_at"),
        (
            "execute_orders",
            "orders without an answer",
            Order.objects.filter(state=OrderState.UNCONFIRMED),
            "claimed_at",
        ),
        ("process_ticks", "requests due at the paper exchange", due, "written_at"),
        ("book_trades", "trades to be booked", PaperTrade.objects.filter(is_booked=False), ""),
        ("book_trades", "reports to be read", PaperOrder.objects.filter(is_reported=False), ""),
        (
            "process_ticks",
            "news for runs",
            RunInput.objects.filter(epoch__isnull=True, run__ended_at__isnull=True),
            "written_at",
        ),
    ]


class StageRow(TypedDict):
    key: str
    stage: str
    what: str
    waiting: Any
    oldest: str


def stage_row(page: PageContext, stage: str, what: str, rows: Any, since: str) -> StageRow:
    wanted = {"n": Count("pk")} | ({"since": Min(since)} if since else {})
    found = rows.order_by().aggregate(**wanted)
    oldest: datetime | None = found.get("since")
    waited = age((page.wall - oldest).total_seconds()) if oldest else ""
    return {
        "key": what,
        "stage": stage,
        "what": what,
        "waiting": found["n"],
        "oldest": waited or ("none" if not found["n"] else "not told"),
    }


class QueuesPanel(TypedDict):
    rows: list[Any] | list[dict[str, object]]
    age: Age
    empty: str


def queues_panel(page: PageContext) -> QueuesPanel:
    """Lengths of the task queues: each message says only that there may be work."""
    try:
        rows = [{"key": name, "name": name, "length": length} for name, length in queue_lengths().items()]
    except redis.RedisError as error:
        return {
            "rows": [],
            "age": fixed_age("failed", "not reached"),
            "empty": f"Valkey did not answer ({type(error).__name__}). The sweeper wakes every stage once it does.",
        }
    return {"rows": rows, "age": read_now(page), "empty": ""}


def queue_lengths() -> dict[str, int]:
    shards = Shard.objects.select_related("feed")
    names = [*QUEUES, *(f"ticks.{shard.name}" for shard in shards)]
    names += sorted({f"broker.{shard.feed.data_account}" for shard in shards if shard.feed.data_account})
    pipeline = valkey_client().pipeline(transaction=False)
    for name in names:
        pipeline.llen(name)
    return dict(zip(names, pipeline.execute(), strict=True))


class LettersPanel(TypedDict):
    counts: str
    age: Age
    rows: list[dict[str, int | str | None]]
    empty: str


def letters_panel(page: PageContext) -> LettersPanel:
    letters = DeadLetter.objects.filter(state=DeadLetter.State.OPEN)[:SHOWN_LETTERS]
    rows = [
        {
            "key": str(letter.pk),
            "at": iso(letter.created_at),
            "task": letter.task,
            "row": str(letter.payload.get("row") or letter.key),
            "error": letter.error.splitlines()[-1][:300] if letter.error else "",
            "attempts": letter.attempts,
            "replay": reverse("dashboard:dead_letter_act", args=[letter.pk, "replay"]),
            "drop": reverse("dashboard:dead_letter_act", args=[letter.pk, "drop"]),
        }
        for letter in letters
    ]
    empty = "" if rows else "No dead letter: no work has been given up."
    return {"counts": str(len(rows)), "age": read_now(page), "rows": rows, "empty": empty}
