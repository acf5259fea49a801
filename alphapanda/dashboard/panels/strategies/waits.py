"""Why there was no trade, the newest first."""

from __future__ import annotations

from typing import TypedDict

from alphapanda.core.figures import iso
from alphapanda.dashboard.panels.ages import Age, read_now
from alphapanda.dashboard.panels.context import PageContext
from alphapanda.dashboard.panels.naming import symbol_of
from trading.models import Deployment, Evaluation

SHOWN_WAITS = 12


class WaitsPanel(TypedDict):
    age: Age
    rows: list[WaitRow]
    empty: str


def waits_panel(page: PageContext, deployment: Deployment | None = None) -> WaitsPanel:
    today = Evaluation.objects.filter(at__gte=page.midnight)
    waits = today.select_related("run__deployment__account", "instrument").order_by("-at", "-id")
    if deployment:
        waits = waits.filter(run__deployment=deployment)
    rows = [wait_row(page, wait) for wait in waits[:SHOWN_WAITS]]
    return {"age": read_now(page), "rows": rows, "empty": "" if rows else "No evaluation yet today."}


class WaitRow(TypedDict):
    key: str
    at: str | None
    name: str
    symbol: str
    words: str
    mode: str
    near: dict[str, str | None]


def wait_row(page: PageContext, wait: Evaluation) -> WaitRow:
    near = wait.nearness
    return {
        "key": str(wait.pk),
        "at": iso(wait.at),
        "name": wait.run.deployment.name,
        "symbol": symbol_of(wait.instrument),
        "words": wait.text,
        "mode": page.mode_of(wait.run.deployment.account),
        "near": {
            "name": "How near",
            "ratio": None if near is None else f"{near:.3f}",
            "tone": "unknown" if near is None else "",
            "spoken": "cannot be said" if near is None else f"{round(near * 100)} percent of the way",
        },
    }
