"""The six facts beside the verdict, and what the verdict itself is told."""

from __future__ import annotations

from datetime import datetime, time, timedelta
from typing import TypedDict

import redis
from django.db.models import F, Max, Q
from django.urls import reverse

from alphapanda.core.figures import age, clock_minute, counted, left, profit, signed_whole, weekday_date
from alphapanda.core.journal.models import DeadLetter
from alphapanda.core.timezone import IST
from alphapanda.dashboard.panels.context import PageContext
from alphapanda.dashboard.panels.live.broker_side import broker_facts, frozen_books
from alphapanda.dashboard.panels.live.limits import LimitsPanel, MeterRow
from alphapanda.dashboard.panels.live.net import main_account
from alphapanda.dashboard.panels.live.verdict import Facts, Line
from alphapanda.dashboard.panels.naming import order_words, story_of, symbol_of
from alphapanda.dashboard.panels.portfolio.positions import PositionRow, PositionsPanel
from alphapanda.dashboard.panels.results import PortfolioDays, add_results
from alphapanda.dashboard.panels.shell import gate_words, opens_again
from instruments.models import RenameQuestion
from market.domain.staleness import Liveness
from market.quotes import FeedState
from portfolio.expiries import Departure, awaiting_price, derivatives_to_leave
from portfolio.models import Position
from trading.exits.flat_by import kept_on_purpose
from trading.models import BrokerSession, Deployment, ExitPlan, Order, PaperTrade, RateWindow, SeenTrade
from trading.orders.holdings import TRADES_LATE
from trading.orders.life_cycle import DeploymentState, GateState, OrderState
from trading.orders.rate_budget import KITE_BUDGET
from trading.risk.assess import RULES
from trading.ticks.troubles import read_troubles

FEED_ICONS = {Liveness.LIVE: ("live", ""), Liveness.STALE: ("stale", "warn"), Liveness.DEAD: ("dead", "fault")}
TROUBLE = (DeploymentState.PAUSED, DeploymentState.HALTED)


class FactRow(TypedDict):
    key: str
    label: str
    value: str
    note: str
    icon: str
    tone: str
    href: str


def fact_row(
    key: str, label: str, value: str, note: str, icon: str = "live", tone: str = "", href: str = ""
) -> FactRow:
    return {
        "key": key,
        "label": label,
        "value": value,
        "note": note,
        "icon": icon,
        "tone": tone,
        "href": href or reverse("dashboard:system"),
    }


def facts_strip(page: PageContext, live: list[Order]) -> list[FactRow]:
    return [feed_fact(page), gate_fact(page), orders_fact(live), books_fact(), rate_fact(page), session_fact(page)]


def worst_feed(page: PageContext) -> FeedState | None:
    """The feed that is worst off; None if there is none, or the board cannot be read."""
    order = (Liveness.LIVE, Liveness.STALE, Liveness.DEAD)
    return max((page.feeds or {}).values(), key=lambda feed: order.index(feed.state), default=None)


def feed_fact(page: PageContext) -> FactRow:
    feed = worst_feed(page)
    if feed is None:
        note = "board not reached" if page.feeds is None else "none has run yet"
        return fact_row("feed", "Feed", "unknown", note, "unknown", "warn")
    icon, tone = FEED_ICONS[feed.state]
    since = "no frames" if feed.frame_age_ms is None else age(feed.frame_age_ms / 1000)
    note = f"{since}, {feed.subscribed} names" if feed.state != Liveness.DEAD else feed.reason[:40] or "no word"
    return fact_row("feed", "Feed", feed.state.capitalize(), note, icon, tone)


def gate_fact(page: PageContext) -> FactRow:
    gate = page.worst_gate
    href = "#kill-switch"
    if not gate.is_known:
        return fact_row("gate", "Gate", "unknown", "treated as halted", "unknown", "fault", href)
    looks = {
        GateState.ACTIVE: ("live", ""),
        GateState.REDUCE_ONLY: ("stale", "warn"),
        GateState.HALTED: ("halted", "fault"),
    }
    note = f"{len(RULES)} rules on" if gate.state == GateState.ACTIVE else f"by {gate.by}" if gate.by else gate.reason
    return fact_row("gate", "Gate", gate.label, note, *looks[gate.state], href)


def orders_fact(live: list[Order]) -> FactRow:
    states = [order.state for order in live]
    needs, unconfirmed = states.count(OrderState.NEEDS_HUMAN), states.count(OrderState.UNCONFIRMED)
    working = len(states) - needs - unconfirmed
    href = reverse("dashboard:orders")
    if needs or unconfirmed:
        value = f"{needs} need you" if needs else f"{unconfirmed} unconfirmed"
        return fact_row("orders", "Orders", value, f"{working} working", "stale", "warn", href)
    return fact_row("orders", "Orders", f"{working} working", "all confirmed", href=href)


def books_fact() -> FactRow:
    """Whether all trades are booked, and live accounts hold what their broker says; paper has no second book."""
    waiting = PaperTrade.objects.filter(is_booked=False).count()
    waiting += SeenTrade.objects.filter(is_booked=False).exclude(tag="").count()
    href = reverse("dashboard:portfolio")
    if differing := frozen_books():
        return fact_row("books", "Books", "Differ", counted(len(differing), "holding"), "dead", "fault", href)
    if waiting:
        return fact_row("books", "Books", "Booking", counted(waiting, "trade") + " to book", "loading", "", href)
    return fact_row("books", "Books", "Agree", "all booked", href=href)


def rate_fact(page: PageContext) -> FactRow:
    """The rate counts on the broker's calendar second, which is this machine's; the orders on the market's day."""
    account = main_account(page)
    since = page.wall.replace(microsecond=0) - timedelta(seconds=1)
    windows = RateWindow.objects.filter(account=account, span="second", starts_at__gte=since)
    in_second = windows.aggregate(most=Max("count"))["most"] or 0
    today = Order.objects.filter(account=account, market_time__gte=page.midnight).count()
    value = f"{in_second} of {KITE_BUDGET.room('second', is_exit=True)}/s"
    return fact_row("rate", "Order rate", value, f"{today} today", href=reverse("dashboard:orders"))


def session_fact(page: PageContext) -> FactRow:
    session = BrokerSession.objects.filter(state=BrokerSession.State.LIVE).order_by("-expires_at").first()
    label, href = "Session" if page.is_practice else "Kite session", reverse("dashboard:logins")
    if session is None:
        value, note = ("Open", "practice") if page.is_practice and page.feeds else ("None", "log in")
        return fact_row("session", label, value, note, "live" if value == "Open" else "unknown", href=href)
    if session.expires_at is None:
        return fact_row("session", label, "Open", "ends at 06:00", href=href)
    remaining = session.expires_at - page.now
    if remaining <= timedelta(0):
        return fact_row("session", label, "Ended", f"at {clock_minute(session.expires_at)}", "dead", "fault", href)
    return fact_row("session", label, left(remaining), f"until {clock_minute(session.expires_at)}", href=href)


def verdict_facts(
    page: PageContext, days: PortfolioDays, live: list[Order], limits: LimitsPanel, positions: PositionsPanel
) -> Facts:
    """Gather what the verdict is made from out of what was read for the panels."""
    gate, feed = page.worst_gate, worst_feed(page)
    deployments = list(Deployment.objects.exclude(state=DeploymentState.STOPPED))
    rows = [row for group in positions["groups"] for row in group["rows"]]
    dead = page.is_open and (feed is None or feed.state == Liveness.DEAD)
    return Facts(
        halted=f"{gate_words(page)}." if gate.state == GateState.HALTED else None,
        halted_note=f"{open_words(rows)} Exits still pass." if rows else "Flat. Fills and books go on.",
        reduce_only=f"{gate_words(page)}." if gate.state == GateState.REDUCE_ONLY else None,
        no_prices_for=silence_words(feed, page) if dead else None,
        stuck_shards=stuck_shards(page),
        open_positions=len(rows),
        **broker_facts(),
        unconfirmed=tuple(order_line(o, page) for o in live if is_overdue(o, page)),
        needs_person=tuple(order_line(o, page) for o in live if o.state == OrderState.NEEDS_HUMAN),
        **exit_facts(page),
        full_limits=meters_in_tone(limits, "fault"),
        near_limits=meters_in_tone(limits, "warn"),
        stale_prices=stale_symbols(rows) if page.is_open else (),
        trouble=tuple(trouble_line(d) for d in deployments if d.state in TROUBLE),
        dead_letters=DeadLetter.objects.filter(state=DeadLetter.State.OPEN).count(),
        silent_processes=silent_processes(page),
        running=sum(d.state == DeploymentState.RUNNING for d in deployments),
        closed=None if page.is_open else begin_with_capital(opens_again(page)),
        positions_words=open_words(rows),
        net_words=net_words(days),
    )


def open_words(rows: list[PositionRow]) -> str:
    return f"{counted(len(rows), 'position')} open." if rows else "Flat."


def meters_in_tone(limits: LimitsPanel, tone: str) -> tuple[tuple[str, str], ...]:
    return tuple(meter_words(row) for row in limits["rows"] if row["tone"] == tone)


def stale_symbols(rows: list[PositionRow]) -> tuple[str, ...]:
    return tuple(row["symbol"] for row in rows if row["age"]["state"] in ("stale", "dead", "unknown"))


def silent_processes(page: PageContext) -> tuple[str, ...]:
    """Return those that were killed, stopped or crashed; with Valkey away the feed's silence is the news."""
    silent = [process for process in page.processes or () if process.is_silent(page.wall)]
    return tuple(f"{one.name}: silent for {age(one.silence(page.wall).total_seconds())}" for one in silent)


def stuck_shards(page: PageContext) -> tuple[tuple[str, str], ...]:
    """Return the shards that raise at every drain; with Valkey away the feed's silence is the news."""
    try:
        troubles = read_troubles()
    except redis.RedisError:
        return ()
    return tuple((one.shard, f"{one.words}, for {age((page.wall - one.since).total_seconds())}") for one in troubles)


def meter_words(row: MeterRow) -> tuple[str, str]:
    return row["name"], f"{row['used']} used, {row['left']}"


def silence_words(feed: FeedState | None, page: PageContext) -> str:
    """How long no prices have come; the board forgets a silent feed, its process's last beat is kept for a day."""
    if feed is not None and feed.silent_for is not None:
        return age(feed.silent_for.total_seconds())
    heard = [one for one in page.processes or () if feed and one.name.startswith(f"feed {feed.feed}@")]
    if not heard:
        return "longer than anybody remembers"
    return age(min(one.silence(page.wall) for one in heard).total_seconds())


def is_overdue(order: Order, page: PageContext) -> bool:
    """An order is unconfirmed for an instant each time it is sent; only a silence is worth a headline."""
    if order.state != OrderState.UNCONFIRMED:
        return False
    return order.claimed_at is None or page.wall - order.claimed_at > timedelta(seconds=2)


def order_line(order: Order, page: PageContext) -> Line:
    words = order_words(order)
    if order.state == OrderState.NEEDS_HUMAN:
        return Line(f"{words}: {order.state_reason or 'nobody knows what became of it'}.", story_of(order), "Its story")
    waited = age((page.wall - order.claimed_at).total_seconds()) if order.claimed_at else "a while"
    return Line(f"{words}: no reply for {waited}, counted as filled until proven.", story_of(order), "Its story")


def exit_facts(page: PageContext) -> ExitFacts:
    """What of holdings, exits and trades not booked a person has to look at."""
    return {
        "exits_stuck": tuple(exit_line(plan) for plan in stuck_exits()),
        "kept_intraday": tuple(symbol_of(one.instrument) for one in kept_on_purpose(page.now)),
        "trades_awaited": tuple(awaited_line(o) for o in late_trades(page.now)),
        "overfilled": tuple(overfill_line(o) for o in overfilled_today(page)),
        "renames": tuple(rename_line(question) for question in open_questions()),
        "to_leave": tuple(departure_line(departure) for departure in derivatives_to_leave(page.day)),
        "without_price": tuple(price_line(position) for position in awaiting_price(page.now)),
    }


class ExitFacts(TypedDict):
    exits_stuck: tuple[Line, ...]
    kept_intraday: tuple[str, ...]
    trades_awaited: tuple[Line, ...]
    overfilled: tuple[Line, ...]
    renames: tuple[Line, ...]
    to_leave: tuple[Line, ...]
    without_price: tuple[Line, ...]


def stuck_exits() -> list[ExitPlan]:
    return list(ExitPlan.objects.unfinished().filter(needs_person=True).select_related("instrument"))


def exit_line(plan: ExitPlan) -> Line:
    words = f"{symbol_of(plan.instrument)}, {plan.reason}: {plan.state_reason}."
    return Line(words, reverse("dashboard:orders"), "Orders")


def late_trades(now: datetime) -> list[Order]:
    """Orders whose broker counts more than we could book for a quarter of an hour."""
    late = Order.objects.awaiting_trades().filter(ended_at__lte=now - TRADES_LATE)
    late = late.exclude(state=OrderState.NEEDS_HUMAN)  # told as such
    return list(late.select_related("instrument", "account"))


def awaited_line(order: Order) -> Line:
    words = f"{order_words(order)}: {order.out_quantity} filled at the broker and not in our books."
    return Line(words, story_of(order), "Its story")


def overfilled_today(page: PageContext) -> list[Order]:
    today = Order.objects.filter(market_time__gte=page.midnight, filled_quantity__gt=F("quantity"))
    return list(today.select_related("instrument", "account"))


def overfill_line(order: Order) -> Line:
    words = f"{order_words(order)}: {order.filled_quantity} filled of {order.quantity}; all of it is booked."
    return Line(words, story_of(order), "Its story")


def open_questions() -> list[RenameQuestion]:
    """Questions about renames that matter: something of the former instrument is held, or it is deployed."""
    held = Position.objects.open().values("instrument")
    deployed = Deployment.objects.working().values("instruments")
    asked = RenameQuestion.objects.filter(state=RenameQuestion.State.ASKED)
    return list(asked.filter(Q(former__in=held) | Q(former__in=deployed)))


def rename_line(question: RenameQuestion) -> Line:
    words = f"{question.former_symbol} went and {question.successor_symbol} came: {question.why}."
    return Line(words, reverse("admin:instruments_renamequestion_changelist"), "Answer it")


def departure_line(departure: Departure) -> Line:
    until = weekday_date(datetime.combine(departure.leave_by, time(12), IST))
    what = f"{holding_words(departure.position)}: a derivative on a share"
    words = f"{what}, to be left by {until}; physical delivery is not booked."
    return Line(words, reverse("dashboard:portfolio"), "Positions")


def price_line(position: Position) -> Line:
    instrument = position.instrument
    words = f"{holding_words(position)}: what {instrument.underlying_key} closed at is not known yet."
    return Line(words, reverse("admin:instruments_settlementprice_add"), "Enter it")


def holding_words(position: Position) -> str:
    return f"{signed_whole(position.quantity)} {position.instrument.tradingsymbol}"


def trouble_line(deployment: Deployment) -> Line:
    href = reverse("dashboard:deployment", args=[deployment.pk])
    reason = f": {deployment.state_reason}" if deployment.state_reason else ""
    return Line(f"{deployment.name} {deployment.state}{reason}.".replace("..", "."), href, "Look")


def net_words(days: PortfolioDays) -> str:
    net = add_results(days.all).net if days.all else None
    return f"Net {profit(net)}." if net is not None else ""


def begin_with_capital(words: str) -> str:
    return words[:1].upper() + words[1:]
