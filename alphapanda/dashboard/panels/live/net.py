"""Net today: the hero figure, what it is made of, and its curve; real and simulated money never in one sum."""

from collections.abc import Sequence
from datetime import datetime, timedelta
from decimal import Decimal
from typing import Any

from alphapanda.dashboard.formats import clock_minute, iso, money_tone, profit
from alphapanda.dashboard.panels.ages import fixed, oldest, quote_age, read_now
from alphapanda.dashboard.panels.context import World
from alphapanda.dashboard.panels.results import Book, Books, curve_of, total
from portfolio.models import Account

MODE_WORDS = {"live": "Live", "paper": "Paper", "practice": "Practice"}
MOST_POINTS = 400
TICK_STEP = timedelta(minutes=90)


def main_account(world: World) -> Account | None:
    """Whose figures come first: real money before any other."""
    return min(world.accounts, key=lambda account: (account.mode != "live", account.opened_at), default=None)


def as_text(value: Decimal | None) -> str | None:
    return None if value is None else f"{value:f}"


def net_panel(world: World, books: Books) -> dict[str, Any]:
    main = main_account(world)
    if main is None:
        return nothing(world)
    kind = main.mode
    own = [book for book in books.all if book.account.mode == kind]
    others = [book for book in books.all if book.account.mode != kind]
    result, moments = total(own), curve_of(own)
    net = as_text(result.net)
    return {
        "mode": world.mode_of(main),
        "net": net,
        "realised": as_text(result.realised),
        "open": as_text(result.open),
        "charges": None if result.charges is None else as_text(-result.charges),
        "worst": as_text(worst_of(moments, result.net)),
        "tone": money_tone(net),
        "mark": money_tone(net) or ("none" if net else "unknown"),
        "age": panel_age(world, own),
        "curve": curve(world, moments, result.net, [curve_of(others)] if others else []),
        "others": [other(world, others)] if others else [],
    }


def worst_of(moments: Sequence[tuple[datetime, Decimal]], now: Decimal | None) -> Decimal | None:
    """Return the lowest net at the end of a minute; a low between two minutes is not kept, so it is not told."""
    seen = [net for _, net in moments] or ([now] if now is not None else [])
    return min([*seen, Decimal(0)]) if seen else None


def nothing(world: World) -> dict[str, Any]:
    empty = dict.fromkeys(("net", "realised", "open", "charges", "worst", "mode"))
    return empty | {
        "tone": "",
        "mark": "unknown",
        "age": fixed("unknown", "no account"),
        "others": [],
        "curve": curve(world, [], None, []),
    }


def other(world: World, books: list[Book]) -> dict[str, Any]:
    mode = world.mode_of(books[0].account)
    return {
        "key": mode,
        "mode": mode,
        "label": MODE_WORDS[mode],
        "net": as_text(total(books).net),
        "age": panel_age(world, books),
    }


def panel_age(world: World, books: list[Book]) -> dict[str, Any]:
    """The age of the oldest price in the sum; with nothing held it is only as old as the reading."""
    marks = [
        quote_age(each.quote, world.now, each.position.instrument.security_class, is_open=world.is_open)
        for book in books
        for each in book.holdings
    ]
    return oldest(marks, read_now(world))


def curve(
    world: World, moments: Sequence[tuple[datetime, Decimal]], now: Decimal | None, others: list[Any]
) -> dict[str, Any]:
    """Points as [epoch seconds, exact net], the day's frame, and the same in words."""
    opens, closes = frame(world)
    own = [(opens, Decimal(0)), *moments] if moments and moments[0][0] > opens else list(moments)
    if now is not None and own:
        own.append((max(world.now, own[-1][0]), now))
    return {
        "points": thin(own),
        "others": [thin(line) for line in others],
        "opens": int(opens.timestamp()),
        "closes": int(closes.timestamp()),
        "ticks": axis(opens, closes),
        "words": words(moments, now),
        "hours": [{"at": iso(at), "net": as_text(net)} for at, net in own[:: max(1, len(own) // 8)]],
    }


def frame(world: World) -> tuple[datetime, datetime]:
    """The day's session, or the time around now where the calendar has none."""
    opens, closes = world.schedule.opens_at, world.schedule.closes_at
    if opens and closes:
        return opens, closes
    return world.now - timedelta(hours=6), world.now


def axis(opens: datetime, closes: datetime) -> list[list[Any]]:
    """Times under the curve: open, close, and each hour and a half that leaves room between."""
    marks: list[list[Any]] = [[int(opens.timestamp()), clock_minute(opens), "start"]]
    first = opens.replace(minute=0, second=0, microsecond=0) + timedelta(minutes=90)
    at = first if first - opens >= timedelta(minutes=60) else first + timedelta(minutes=30)
    while closes - at >= timedelta(minutes=60):
        marks.append([int(at.timestamp()), clock_minute(at)])
        at += TICK_STEP
    return [*marks, [int(closes.timestamp()), clock_minute(closes), "end"]]


def thin(line: Sequence[tuple[datetime, Decimal]], most: int = MOST_POINTS) -> list[list[Any]]:
    step = max(1, len(line) // most)
    kept = list(line[::step]) + (list(line[-1:]) if line and (len(line) - 1) % step else [])
    return [[int(at.timestamp()), f"{net:f}"] for at, net in kept]


def words(moments: Sequence[tuple[datetime, Decimal]], now: Decimal | None) -> str:
    if now is None:
        return "Net today is unknown."
    if not moments:
        return f"Net today is {profit(now)}."
    low = min(net for _, net in moments)
    return f"Net today is {profit(now)}; the lowest was {profit(min(low, now))}."
