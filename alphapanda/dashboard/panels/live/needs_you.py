"""What waits for a person, each with the act that answers it; nothing where nothing does. Asks the tables nothing."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import time
from typing import TypedDict

from django.urls import reverse

from alphapanda.core.figures import counted, signed_whole
from alphapanda.core.timezone import IST
from alphapanda.dashboard.panels.ages import Age, read_now
from alphapanda.dashboard.panels.context import PageContext
from alphapanda.dashboard.panels.live.verdict import Facts, Line
from alphapanda.dashboard.panels.portfolio.positions import PositionRow, PositionsPanel
from alphapanda.dashboard.panels.results import PortfolioDays
from instruments.domain.order_terms import Product

# Our own choice: a quarter of an hour before brokers begin to square off what is intraday.
INTRADAY_BY_HAND_FROM = time(15, 0)


class NeedRow(TypedDict):
    """``address`` is what its button asks for, else ``href`` where its link leads."""

    key: str
    mode: str
    text: str
    address: str | None
    ask: str
    needs: str
    href: str | None
    link: str


class NeedsYouPanel(TypedDict):
    age: Age
    rows: list[NeedRow]


def needs_you_panel(page: PageContext, days: PortfolioDays, facts: Facts, positions: PositionsPanel) -> NeedsYouPanel:
    letters = (Line(f"{counted(facts.dead_letters, 'dead letter')}: work that was given up.",
                    reverse("dashboard:system"), "Replay or drop"),) if facts.dead_letters else ()  # fmt: skip
    lines = (*facts.needs_person, *facts.unconfirmed, *facts.exits_stuck, *letters)
    return {
        "age": read_now(page),
        "rows": [*(line_row(n, line) for n, line in enumerate(lines)), *positions_to_leave(page, days, positions)],
    }


def line_row(number: int, line: Line) -> NeedRow:
    # By its place: words change as they age, and two exits of one instrument have the same.
    return {"key": str(number), "mode": "", "text": line.text, "address": None,
            "ask": "", "needs": "", "href": line.href, "link": line.link}  # fmt: skip


def positions_to_leave(page: PageContext, days: PortfolioDays, positions: PositionsPanel) -> Iterator[NeedRow]:
    """Intraday positions by hand late in the day, and positions that nothing would stop; what is delivered may stay."""
    held = {str(h.position.pk): (h.position.product, day.account.flat_by) for day in days.all for h in day.holdings}
    is_late = page.is_open and page.now.astimezone(IST).time() >= INTRADAY_BY_HAND_FROM
    for row in (row for group in positions["groups"] for row in group["rows"]):
        product, flat_by = held[row["key"]]
        if is_late and product == Product.MIS and row["deployment"] is None:
            left = f"left at {flat_by:%H:%M}" if flat_by else "its account is not squared off by us"
            yield position_need(row, f"intraday and by hand; {left}")
        elif row["stop"] == "none" and product != Product.CNC:
            yield position_need(row, "without a stop")


def position_need(row: PositionRow, why: str) -> NeedRow:
    return {
        "key": row["key"],
        "mode": row["mode"],
        "text": f"{signed_whole(row['quantity'])} {row['symbol']}, {row['owner']}: {why}.",
        "address": row["exit_address"],
        "ask": row["exit_ask"],
        "needs": row["needs"],
        "href": None,
        "link": "",
    }
