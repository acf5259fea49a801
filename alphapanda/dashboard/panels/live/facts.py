"""The six facts beside the verdict, and what the verdict itself is told."""

from datetime import timedelta
from typing import Any

import redis
from django.db.models import Max
from django.urls import reverse

from alphapanda.core.journal.models import DeadLetter
from alphapanda.core.telemetry.heartbeats import processes
from alphapanda.dashboard.formats import age, clock_minute, profit
from alphapanda.dashboard.panels.context import World
from alphapanda.dashboard.panels.live.net import main_account
from alphapanda.dashboard.panels.live.verdict import Facts, Line, count
from alphapanda.dashboard.panels.naming import order_words, story_of
from alphapanda.dashboard.panels.results import Books, total
from alphapanda.dashboard.panels.shell import gate_words, opens_again
from market.domain.staleness import Liveness
from market.quotes import FeedState
from trading.models import BrokerSession, Deployment, Order, PaperTrade, RateWindow
from trading.orders.life_cycle import DeploymentState, GateState, OrderState
from trading.orders.rate_budget import KITE_BUDGET
from trading.risk.assess import RULES
from trading.wakeups import valkey

MARKS = {Liveness.LIVE: ("live", ""), Liveness.STALE: ("stale", "warn"), Liveness.DEAD: ("dead", "fault")}
TROUBLE = (DeploymentState.PAUSED, DeploymentState.HALTED)


def fact(
    key: str, label: str, value: str, note: str, mark: str = "live", tone: str = "", href: str = ""
) -> dict[str, Any]:
    return {
        "key": key,
        "label": label,
        "value": value,
        "note": note,
        "mark": mark,
        "tone": tone,
        "href": href or reverse("dashboard:system"),
    }


def facts_strip(world: World, live: list[Order]) -> list[dict[str, Any]]:
    return [feed_fact(world), gate_fact(world), orders_fact(live), books_fact(), rate_fact(world), session_fact(world)]


def worst_feed(world: World) -> FeedState | None:
    """The feed that is worst off; None if there is none, or the board cannot be read."""
    order = (Liveness.LIVE, Liveness.STALE, Liveness.DEAD)
    return max((world.feeds or {}).values(), key=lambda feed: order.index(feed.state), default=None)


def feed_fact(world: World) -> dict[str, Any]:
    feed = worst_feed(world)
    if feed is None:
        note = "board not reached" if world.feeds is None else "none has run yet"
        return fact("feed", "Feed", "unknown", note, "unknown", "warn")
    mark, tone = MARKS[feed.state]
    since = "no frames" if feed.frame_age_ms is None else age(feed.frame_age_ms / 1000)
    note = f"{since}, {feed.subscribed} names" if feed.state != Liveness.DEAD else feed.reason[:40] or "no word"
    return fact("feed", "Feed", feed.state.capitalize(), note, mark, tone)


def gate_fact(world: World) -> dict[str, Any]:
    gate = world.worst_gate
    href = "#ladder"
    if not gate.is_known:
        return fact("gate", "Gate", "unknown", "treated as halted", "unknown", "fault", href)
    looks = {
        GateState.ACTIVE: ("live", ""),
        GateState.REDUCE_ONLY: ("stale", "warn"),
        GateState.HALTED: ("halted", "fault"),
    }
    note = f"{len(RULES)} rules on" if gate.state == GateState.ACTIVE else f"by {gate.by}" if gate.by else gate.reason
    return fact("gate", "Gate", gate.label, note, *looks[gate.state], href)


def orders_fact(live: list[Order]) -> dict[str, Any]:
    states = [order.state for order in live]
    needs, unconfirmed = states.count(OrderState.NEEDS_HUMAN), states.count(OrderState.UNCONFIRMED)
    working = len(states) - needs - unconfirmed
    href = reverse("dashboard:orders")
    if needs or unconfirmed:
        value = f"{needs} need you" if needs else f"{unconfirmed} unconfirmed"
        return fact("orders", "Orders", value, f"{working} working", "stale", "warn", href)
    return fact("orders", "Orders", f"{working} working", "all confirmed", href=href)


def books_fact() -> dict[str, Any]:
    """Paper has no second book to differ from: what can lag is booking the paper exchange's own trades."""
    waiting = PaperTrade.objects.filter(is_booked=False).count()
    href = reverse("dashboard:portfolio")
    if waiting:
        return fact("books", "Books", "Booking", count(waiting, "trade") + " to book", "loading", "", href)
    return fact("books", "Books", "Agree", "all booked", href=href)


def rate_fact(world: World) -> dict[str, Any]:
    """The rate counts on the broker's calendar second, which is this machine's; the orders on the market's day."""
    account = main_account(world)
    since = world.wall.replace(microsecond=0) - timedelta(seconds=1)
    windows = RateWindow.objects.filter(account=account, span="second", starts_at__gte=since)
    in_second = windows.aggregate(most=Max("count"))["most"] or 0
    today = Order.objects.filter(account=account, market_time__gte=world.midnight).count()
    value = f"{in_second} of {KITE_BUDGET.room('second', is_exit=True)}/s"
    return fact("rate", "Order rate", value, f"{today} today", href=reverse("dashboard:orders"))


def session_fact(world: World) -> dict[str, Any]:
    session = BrokerSession.objects.filter(state=BrokerSession.State.LIVE).order_by("-expires_at").first()
    label = "Session" if world.is_practice else "Kite session"
    if session is None:
        value, note = ("Open", "practice") if world.is_practice and world.feeds else ("None", "kite_login opens one")
        return fact("session", label, value, note, "live" if value == "Open" else "unknown")
    if session.expires_at is None:
        return fact("session", label, "Open", "ends at 06:00")
    left = session.expires_at - world.now
    if left <= timedelta(0):
        return fact("session", label, "Ended", f"at {clock_minute(session.expires_at)}", "dead", "fault")
    hours, minutes = divmod(int(left.total_seconds()) // 60, 60)
    return fact("session", label, f"{hours} h {minutes} min", f"until {clock_minute(session.expires_at)}")


def verdict_facts(world: World, books: Books, live: list[Order], snapshot: dict[str, Any]) -> Facts:
    """Gather what the verdict is made from out of what was read for the panels."""
    gate, feed = world.worst_gate, worst_feed(world)
    deployments = list(Deployment.objects.exclude(state=DeploymentState.STOPPED))
    meters = snapshot["limits"]["rows"]
    rows = [row for group in snapshot["positions"]["groups"] for row in group["rows"]]
    dead = world.is_open and (feed is None or feed.state == Liveness.DEAD)
    return Facts(
        halted=f"{gate_words(world)}." if gate.state == GateState.HALTED else None,
        halted_note=f"{count(len(rows), 'position')} open. Exits still pass."
        if rows
        else "Flat. Fills and books go on.",
        reduce_only=f"{gate_words(world)}." if gate.state == GateState.REDUCE_ONLY else None,
        no_prices_for=silence(feed) if dead else None,
        open_positions=len(rows),
        unconfirmed=tuple(order_line(o, world) for o in live if is_overdue(o, world)),
        needs_person=tuple(order_line(o, world) for o in live if o.state == OrderState.NEEDS_HUMAN),
        full_limits=tuple(meter_words(row) for row in meters if row["tone"] == "fault"),
        near_limits=tuple(meter_words(row) for row in meters if row["tone"] == "warn"),
        stale_prices=tuple(row["symbol"] for row in rows if row["age"]["state"] in ("stale", "dead", "unknown"))
        if world.is_open
        else (),
        trouble=tuple(trouble(d) for d in deployments if d.state in TROUBLE),
        dead_letters=DeadLetter.objects.filter(state=DeadLetter.State.OPEN).count(),
        silent_processes=silent_processes(world),
        running=sum(d.state == DeploymentState.RUNNING for d in deployments),
        closed=None if world.is_open else sentence(opens_again(world)),
        positions_words="Flat." if not rows else f"{count(len(rows), 'position')} open.",
        net_words=net_words(books),
    )


def silent_processes(world: World) -> tuple[str, ...]:
    """Return those that were killed, stopped or crashed; with Valkey away the feed's silence is the news."""
    try:
        found = processes(valkey(), world.wall)
    except redis.RedisError:
        return ()
    silent = [process for process in found if process.is_silent(world.wall)]
    return tuple(f"{one.name}: silent for {age(one.silence(world.wall).total_seconds())}" for one in silent)


def meter_words(row: dict[str, Any]) -> tuple[str, str]:
    return row["name"], f"{row['used']} used, {row['left']}"


def silence(feed: FeedState | None) -> str:
    if feed is None or feed.silent_for is None:
        return "at least 6 s"
    return age(feed.silent_for.total_seconds())


def is_overdue(order: Order, world: World) -> bool:
    """An order is unconfirmed for an instant each time it is sent; only a silence is worth a headline."""
    if order.state != OrderState.UNCONFIRMED:
        return False
    return order.claimed_at is None or world.wall - order.claimed_at > timedelta(seconds=2)


def order_line(order: Order, world: World) -> Line:
    words = order_words(order)
    if order.state == OrderState.NEEDS_HUMAN:
        return Line(f"{words}: nobody knows what became of it.", story_of(order), "Its story")
    waited = age((world.wall - order.claimed_at).total_seconds()) if order.claimed_at else "a while"
    return Line(f"{words}: no reply for {waited}, counted as filled until proven.", story_of(order), "Its story")


def trouble(deployment: Deployment) -> Line:
    href = reverse("dashboard:deployment", args=[deployment.pk])
    reason = f": {deployment.state_reason}" if deployment.state_reason else ""
    return Line(f"{deployment.name} {deployment.state}{reason}.".replace("..", "."), href, "Look")


def net_words(books: Books) -> str:
    net = total(books.all).net if books.all else None
    return f"Net {profit(net)}." if net is not None else ""


def sentence(words: str) -> str:
    return words[:1].upper() + words[1:]
