"""One order from tick to booking: who did what when, with every check and its numbers."""

from __future__ import annotations

from datetime import timedelta
from decimal import Decimal
from typing import TypedDict
from uuid import UUID

from django.urls import reverse

from alphapanda.core.figures import clock_time, long_date, plain, profit, rupees, took
from alphapanda.dashboard.formats import money_tone
from alphapanda.dashboard.panels.ages import Age, quote_age, read_now
from alphapanda.dashboard.panels.candles import CandleChart, candle_chart, stored_interval
from alphapanda.dashboard.panels.naming import order_words, story_of, symbol_of, tail_of
from alphapanda.dashboard.panels.orders.round_trip import ResultRow, is_ours, trip_rows
from alphapanda.dashboard.panels.orders.rows import cancel_needs, icon_of, price_words, state_words
from alphapanda.dashboard.panels.orders.story_rows import Story
from alphapanda.dashboard.panels.orders.story_steps import values_in_words
from alphapanda.dashboard.panels.orders.story_timeline import FlowStep, TimelineRow, flow_strip, timeline_rows
from alphapanda.dashboard.panels.shell import CommonFacts, common_facts
from instruments.domain.order_terms import OrderType, Side
from market.models import Candle
from portfolio.models import LedgerKind
from trading.models import Fill, Order
from trading.orders.life_cycle import MEANINGS, OrderState

BARS_BEFORE, BARS_AFTER = 40, 12


class OrderStory(CommonFacts):
    title: str
    day: str
    tag: str
    account: str
    outcome: dict[str, str]
    cancel: str | None
    cancel_words: str
    needs: str
    previous: str | None
    next: str | None
    flow: list[FlowStep]
    timeline: list[TimelineRow]
    chart: CandleChart
    result: ResultPanel
    charges: ChargesPanel
    decided: list[NameAndWords]
    age: Age


def order_story(order_id: UUID) -> OrderStory:
    """Return the story of an order. Raises Order.DoesNotExist."""
    story = Story(order_id)
    order, page = story.order, story.page
    icon, tone = icon_of(order)
    return {
        **common_facts(page),
        "title": story_title(order),
        "day": long_date(order.market_time),
        "tag": order.tag,
        "mode": page.mode_of(order.account),
        "account": order.account.name,
        "outcome": {"icon": icon, "tone": tone, "words": outcome_words(story), "sentence": outcome_sentence(story)},
        "cancel": reverse("dashboard:cancel_order", args=[order.pk]) if order.may_be_cancelled else None,
        "cancel_words": f"Cancel {order_words(order).lower()}",
        "needs": cancel_needs(order),
        "previous": neighbour_address(order, before=True),
        "next": neighbour_address(order, before=False),
        "flow": flow_strip(story),
        "timeline": timeline_rows(story),
        "chart": chart_panel(story),
        "result": result_panel(story),
        "charges": charges_panel(story),
        "decided": decided_by(story),
        "age": read_now(page),
    }


def story_title(order: Order) -> str:
    """Buy 240 INFY at 1,512.40 limit; buy 240 INFY at market."""
    if order.order_type == OrderType.MARKET:
        return f"{order_words(order)} at market"
    kind, _, price = price_words(order).partition(" ")
    return f"{order_words(order)} at {price} {kind.lower() if kind == 'LIMIT' else kind}"


def neighbour_address(order: Order, *, before: bool) -> str | None:
    rows = (
        Order.objects.filter(pk__lt=order.pk).order_by("-pk")
        if before
        else Order.objects.filter(pk__gt=order.pk).order_by("pk")
    )
    other = rows.first()
    return story_of(other) if other else None


def outcome_words(story: Story) -> str:
    order = story.order
    if order.state != OrderState.FILLED or not story.fills:
        return state_words(order)
    lasted = story.fills[-1].written_at - story.signal.created_at
    return f"Filled {order.quantity} at {plain(order.average_price)} in {took(lasted)}"


def outcome_sentence(story: Story) -> str:
    order = story.order
    who = str(order.deployment) if order.deployment else f"by hand, {story.signal.asked_by}"
    tail = f"{who}, {order.product}."
    if order.state == OrderState.FILLED:
        return f"{price_comparison(story)}{tail[:1].upper()}{tail[1:]}"
    reason = f" {order.state_reason}." if order.state_reason else ""
    return f"{MEANINGS[OrderState(order.state)]}{reason} {tail[:1].upper()}{tail[1:]}"


def price_comparison(story: Story) -> str:
    """How the fill compares with the price it was decided on."""
    asked = story.order.price or story.signal.reference_price
    if asked is None or story.order.average_price is None:
        return ""
    gained = (asked - story.order.average_price) * (1 if story.order.side == Side.BUY else -1)
    against = "asked" if story.order.price else "the price it was decided on"
    if round(gained, 2) == 0:
        return f"Exactly {against}. "
    return f"{rupees(abs(gained))} {'better' if gained > 0 else 'worse'} than {against}. "


def chart_panel(story: Story) -> CandleChart:
    """Candles around the decision; the interval is the first of the usual ones there are candles of."""
    asked = story.signal.run.parameters.get("interval") if story.signal.run else None
    interval = stored_interval(story.order.instrument_id, asked)
    at, rows = story.signal.market_time, Candle.objects.of(story.order.instrument_id, interval)
    before = list(rows.filter(start__lt=at).order_by("-start")[:BARS_BEFORE])[::-1]
    after = list(rows.filter(start__gte=at).order_by("start")[:BARS_AFTER])
    levels, paired = levels_around(story)
    bars = [*before, *after]
    fills = [*story.fills, *(fill for fill in paired if is_among(fill, bars, interval))]
    fills.sort(key=lambda fill: (fill.at, fill.pk))
    return candle_chart(symbol_of(story.order.instrument), interval, bars, levels, fills)


def is_among(fill: Fill, bars: list[Candle], interval: int) -> bool:
    """A mark of another time would be drawn at the nearest candle, as if it had been there."""
    return bool(bars) and bars[0].start <= fill.at < bars[-1].start + timedelta(minutes=interval)


def levels_around(story: Story) -> tuple[dict[str, Decimal | None], list[Fill]]:
    """Where it would be left and where it was, with the fills on the other side; an exit has its entry's stop."""
    stops, levels, paired = story.signal, dict[str, Decimal | None](), list[Fill]()
    for trip in story.trips:
        paired += [trade.fill for trade in trip.others if is_ours(trade)]
        levels["Entry" if trip.is_exit else "Exit"] = trip.average(of_exit=not trip.is_exit)
        if trip.is_exit and paired and stops.stop is None:
            stops = paired[0].order.signal
    return {"Stop": stops.stop, "Target": stops.target, "Limit": story.order.price} | levels, paired


class ResultPanel(TypedDict):
    rows: list[ResultRow]
    age: Age


def result_panel(story: Story) -> ResultPanel:
    order = story.order
    quote = story.page.quotes([order.instrument]).get(order.instrument_id)
    rows: list[ResultRow] = [
        {"key": "last", "name": "Last price", "words": plain(quote.last_price) if quote else "unknown"}
    ]
    rows += trip_rows(story.trips)
    if order.filled_quantity and order.average_price and not order.is_exit and not story.trips:
        sign = 1 if order.side == Side.BUY else -1
        since = None if quote is None else sign * order.filled_quantity * (quote.last_price - order.average_price)
        rows.append({"key": "since", "name": "Since its fill", "words": profit(since), "money": money_tone(since)})
    if story.signal.stop is not None:
        rows.append({"key": "stop", "name": "Stop", "words": plain(story.signal.stop)})
    if story.signal.target is not None:
        rows.append({"key": "target", "name": "Target", "words": plain(story.signal.target)})
    age = quote_age(quote, story.page.now, order.instrument, is_open=story.page.is_open)
    return {"rows": rows, "age": age}


class ChargesPanel(TypedDict):
    rows: list[dict[str, str]]
    total: str | None
    on: str
    empty: str


def charges_panel(story: Story) -> ChargesPanel:
    """What this order cost, kind by kind, as booked to the paisa."""
    sums: dict[str, Decimal] = {}
    for entry in story.entries:
        if entry.kind != LedgerKind.TRADE_VALUE:
            sums[entry.kind] = sums.get(entry.kind, Decimal(0)) - entry.amount
    turnover = sum((abs(fill.price * fill.signed_quantity) for fill in story.fills), Decimal(0))
    return {
        "rows": [
            {"key": kind, "name": LedgerKind(kind).label, "words": plain(amount)} for kind, amount in sums.items()
        ],
        "total": rupees(sum(sums.values(), Decimal(0))) if story.fills else None,
        "on": f"Total on {rupees(turnover)}",
        "empty": "" if story.fills else "Nothing is filled, so nothing is charged.",
    }


def decided_by(story: Story) -> list[NameAndWords]:
    run, order = story.signal.run, story.order
    rows = [("instrument", "Instrument", f"{order.instrument.key} {tail_of(order.instrument, order.product)}".strip())]
    if run is None:
        return [name_and_words(*row) for row in [*rows, ("by", "Asked by", story.signal.asked_by)]]
    rows += [
        ("strategy", "Strategy", f"{order.deployment}, run {run.number}"),
        ("since", "Running since", f"{long_date(run.started_at)}, {clock_time(run.started_at)}"),
        ("settings", "Settings", values_in_words(run.parameters)),
        ("code", "Code", run.code_hash[:12]),
    ]
    return [name_and_words(*row) for row in rows]


class NameAndWords(TypedDict):
    key: str
    name: str
    words: str


def name_and_words(key: str, name: str, words: str) -> NameAndWords:
    return {"key": key, "name": name, "words": words}
