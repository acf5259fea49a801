"""Net today: the hero figure, what it is made of, and its curve; real and simulated money never in one sum."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime, timedelta
from decimal import Decimal
from typing import Any, TypedDict

from alphapanda.core.figures import clock_minute, iso, profit
from alphapanda.dashboard.formats import money_tone
from alphapanda.dashboard.panels.ages import Age, fixed_age, oldest_age, quote_age, read_now
from alphapanda.dashboard.panels.context import PageContext
from alphapanda.dashboard.panels.live.fill_marks import FillMark, fill_marks
from alphapanda.dashboard.panels.results import PortfolioDay, PortfolioDays, add_results, curve_of
from portfolio.models import Account

MODE_WORDS = {"live": "Live", "paper": "Paper", "practice": "Practice"}
MOST_POINTS = 400
TICK_STEP = timedelta(minutes=90)


def main_account(page: PageContext) -> Account | None:
    """Whose figures come first: real money before any other."""
    return min(page.accounts, key=lambda account: (account.mode != "live", account.opened_at), default=None)


def as_text(value: Decimal | None) -> str | None:
    return None if value is None else f"{value:f}"


class NetPanel(TypedDict):
    """``kind`` says whose money the sum is of, real or simulated; ``mode`` only how it is shown."""

    kind: str | None
    mode: str | None
    net: str | None
    realised: str | None
    open: str | None
    charges: str | None
    worst: str | None
    tone: str
    icon: str
    age: Age
    curve: NetCurve
    others: list[OtherNet]


def net_panel(page: PageContext, days: PortfolioDays) -> NetPanel:
    main = main_account(page)
    if main is None:
        return net_of_no_account(page)
    kind = main.mode
    own = [day for day in days.all if day.account.mode == kind]
    others = [day for day in days.all if day.account.mode != kind]
    result, moments = add_results(own), curve_of(own)
    net = as_text(result.net)
    return {
        "kind": kind,
        "mode": page.mode_of(main),
        "net": net,
        "realised": as_text(result.realised),
        "open": as_text(result.open),
        "charges": None if result.charges is None else as_text(-result.charges),
        "worst": as_text(worst_of(moments, result.net)),
        "tone": money_tone(net),
        "icon": money_tone(net) or ("none" if net else "unknown"),
        "age": panel_age(page, own),
        "curve": net_curve(page, moments, result.net, [curve_of(others)] if others else [], kind),
        "others": [other_net(page, others)] if others else [],
    }


def worst_of(moments: Sequence[tuple[datetime, Decimal]], now: Decimal | None) -> Decimal | None:
    """Return the lowest net at the end of a minute; a low between two minutes is not kept, so it is not told."""
    seen = [net for _, net in moments] or ([now] if now is not None else [])
    return min([*seen, Decimal(0)]) if seen else None


def net_of_no_account(page: PageContext) -> NetPanel:
    return {
        "kind": None,
        "mode": None,
        "net": None,
        "realised": None,
        "open": None,
        "charges": None,
        "worst": None,
        "tone": "",
        "icon": "unknown",
        "age": fixed_age("unknown", "no account"),
        "curve": net_curve(page, [], None, []),
        "others": [],
    }


class OtherNet(TypedDict):
    key: str
    kind: str
    mode: str
    label: str
    net: str | None
    age: Age


def other_net(page: PageContext, days: list[PortfolioDay]) -> OtherNet:
    mode = page.mode_of(days[0].account)
    return {
        "key": mode,
        "kind": days[0].account.mode,
        "mode": mode,
        "label": MODE_WORDS[mode],
        "net": as_text(add_results(days).net),
        "age": panel_age(page, days),
    }


def panel_age(page: PageContext, days: list[PortfolioDay]) -> Age:
    """The age of the oldest price in the sum; with nothing held it is only as old as the reading."""
    ages = [
        quote_age(each.quote, page.now, each.position.instrument, is_open=page.is_open)
        for day in days
        for each in day.holdings
    ]
    return oldest_age(ages, read_now(page))


class NetCurve(TypedDict):
    points: list[list[Any]]
    others: list[list[list[Any]]]
    opens: int
    closes: int
    ticks: list[list[Any]]
    words: str
    hours: list[dict[str, str | None]]
    marks: list[FillMark]


def net_curve(
    page: PageContext,
    moments: Sequence[tuple[datetime, Decimal]],
    now: Decimal | None,
    others: list[Any],
    kind: str | None = None,
) -> NetCurve:
    """Points as [epoch seconds, exact net], the day's frame, and the same in words."""
    opens, closes = curve_frame(page)
    own = [(opens, Decimal(0)), *moments] if moments and moments[0][0] > opens else list(moments)
    if now is not None and own:
        own.append((max(page.now, own[-1][0]), now))
    return {
        "points": thin_out(own),
        "others": [thin_out(line) for line in others],
        "opens": int(opens.timestamp()),
        "closes": int(closes.timestamp()),
        "ticks": axis_ticks(opens, closes),
        "words": curve_words(moments, now),
        "hours": [{"at": iso(at), "net": as_text(net)} for at, net in own[:: max(1, len(own) // 8)]],
        "marks": fill_marks(page, kind, own) if kind else [],
    }


def curve_frame(page: PageContext) -> tuple[datetime, datetime]:
    """The day's session, or the time around now where the calendar has none."""
    opens, closes = page.schedule.opens_at, page.schedule.closes_at
    if opens and closes:
        return opens, closes
    return page.now - timedelta(hours=6), page.now


def axis_ticks(opens: datetime, closes: datetime) -> list[list[Any]]:
    """Times under the curve: open, close, and each hour and a half that leaves room between."""
    ticks: list[list[Any]] = [[int(opens.timestamp()), clock_minute(opens), "start"]]
    first = opens.replace(minute=0, second=0, microsecond=0) + timedelta(minutes=90)
    at = first if first - opens >= timedelta(minutes=60) else first + timedelta(minutes=30)
    while closes - at >= timedelta(minutes=60):
        ticks.append([int(at.timestamp()), clock_minute(at)])
        at += TICK_STEP
    return [*ticks, [int(closes.timestamp()), clock_minute(closes), "end"]]


def thin_out(line: Sequence[tuple[datetime, Decimal]], most: int = MOST_POINTS) -> list[list[Any]]:
    step = max(1, len(line) // most)
    kept = list(line[::step]) + (list(line[-1:]) if line and (len(line) - 1) % step else [])
    return [[int(at.timestamp()), f"{net:f}"] for at, net in kept]


def curve_words(moments: Sequence[tuple[datetime, Decimal]], now: Decimal | None) -> str:
    if now is None:
        return "Net today is unknown."
    if not moments:
        return f"Net today is {profit(now)}."
    low = min(net for _, net in moments)
    return f"Net today is {profit(now)}; the lowest was {profit(min(low, now))}."
