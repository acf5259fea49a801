"""The days behind this one: what each brought, what they sum to, and a calendar of them; real and other money apart."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import date, datetime, time, timedelta
from decimal import Decimal
from itertools import accumulate
from typing import TypedDict
from uuid import UUID

from alphapanda.core.figures import counted, profit
from alphapanda.core.timezone import IST
from alphapanda.dashboard.panels.ages import Age
from alphapanda.dashboard.panels.context import PageContext
from alphapanda.dashboard.panels.daily import NetsByDay, nets_of_days
from alphapanda.dashboard.panels.live.net import NetCurve, as_text, panel_age
from alphapanda.dashboard.panels.results import PortfolioDay, PortfolioDays, add_results

DAYS_BACK = 90
SHOWN_WEEKS = 8
WEEKDAYS = 5
ZERO = Decimal(0)


class DayCell(TypedDict):
    day: str
    net: str | None
    traded: bool


class WeekRow(TypedDict):
    key: str
    name: str
    days: dict[str, DayCell]  # by their places in the week, from "0"
    net: str | None


class DaysPanel(TypedDict):
    """``total`` sums the days that have a net; ``best`` and ``worst`` name theirs."""

    key: str
    mode: str
    curve_id: str
    counts: str
    age: Age
    curve: NetCurve
    total: str | None
    best: str
    worst: str
    won: str
    weeks: list[WeekRow]


def days_panels(page: PageContext, days: PortfolioDays) -> list[DaysPanel]:
    """One of each kind of money there is."""
    first = page.day - timedelta(days=DAYS_BACK)
    nets = nets_of_days([each.portfolio.pk for each in days.all], first, page.day)
    kinds = {each.account.mode: page.mode_of(each.account) for each in days.all}
    return [days_panel(page, kinds[kind], days_of_kind(days, kind), nets) for kind in sorted(kinds)]


def days_of_kind(days: PortfolioDays, kind: str) -> list[PortfolioDay]:
    return [each for each in days.all if each.account.mode == kind]


def days_panel(page: PageContext, mode: str, own: list[PortfolioDay], nets: Mapping[UUID, NetsByDay]) -> DaysPanel:
    known = sum_by_day([nets[each.portfolio.pk] for each in own])
    today = add_results(own).net
    ended = known | ({page.day: today} if today is not None else {})
    return {
        "key": mode,
        "mode": mode,
        "curve_id": f"days-{mode}",
        "counts": f"{counted(len(ended), 'day')}, after charges",
        "age": panel_age(page, own),
        "curve": curve_over_days(ended),
        "total": as_text(sum(ended.values(), ZERO)) if ended else None,
        "best": day_words(max(ended, key=lambda day: ended[day], default=None), ended),
        "worst": day_words(min(ended, key=lambda day: ended[day], default=None), ended),
        "won": f"{sum(net > 0 for net in ended.values())} of {len(ended)}",
        "weeks": week_rows(page.day, ended),
    }


def sum_by_day(nets: list[NetsByDay]) -> NetsByDay:
    """The days of several portfolios together, oldest first; one that was not held on a day adds nothing."""
    every = sorted({day for each in nets for day in each})
    return {day: sum((each.get(day, ZERO) for each in nets), ZERO) for day in every}


def day_words(day: date | None, nets: NetsByDay) -> str:
    return "none" if day is None else f"{profit(nets[day], 0)} on {day.day} {day:%b}"


def curve_over_days(nets: NetsByDay) -> NetCurve:
    """The sum so far at the end of each day, from nothing before the first; days stand evenly apart."""
    sums = [ZERO, *accumulate(nets.values())]
    names = [f"{day.day} {day:%b}" for day in nets]
    last = max(1, len(sums) - 1)
    ticks: list[list[object]] = [[1, names[0], "start"], [last, names[-1], "end"]] if len(names) > 1 else []
    words = f"The net of {counted(len(nets), 'day')} sums to {profit(sums[-1])}; the least was {profit(min(sums))}."
    return {
        "points": [[nth, f"{net:f}"] for nth, net in enumerate(sums)],
        "others": [],
        "opens": 0,
        "closes": last,
        "ticks": ticks,
        "words": words,
        "marks": [],
        "hours": [
            {"at": datetime.combine(day, time(12), IST).isoformat(), "net": as_text(net)}
            for day, net in zip(nets, sums[1:], strict=True)
        ],
    }


def week_rows(today: date, nets: NetsByDay) -> list[WeekRow]:
    """The last weeks, newest first."""
    monday = today - timedelta(days=today.weekday())
    return [week_row(monday - timedelta(weeks=back), nets) for back in range(SHOWN_WEEKS)]


def week_row(monday: date, nets: NetsByDay) -> WeekRow:
    """A session on a weekend has no cell, and counts in its week's sum."""
    days = [monday + timedelta(days=nth) for nth in range(7)]
    known = [nets[day] for day in days if day in nets]
    return {
        "key": monday.isoformat(),
        "name": f"{monday.day} {monday:%b}",
        "days": {str(nth): day_cell(day, nets) for nth, day in enumerate(days[:WEEKDAYS])},
        "net": as_text(sum(known, ZERO)) if known else None,
    }


def day_cell(day: date, nets: NetsByDay) -> DayCell:
    net = nets.get(day)
    return {
        "day": day.isoformat(),
        "net": as_text(net),
        "traded": net is not None,
    }
