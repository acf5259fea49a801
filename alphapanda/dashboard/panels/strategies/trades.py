"""What one deployment traded: its fills on the session's candles, and its trades from flat to flat."""

from __future__ import annotations

from collections import defaultdict
from dataclasses import dataclass
from datetime import datetime, timedelta
from decimal import Decimal
from typing import Any, TypedDict
from uuid import UUID

from django.db.models import Max

from alphapanda.core.figures import clock_time, counted, iso, weekday_date
from alphapanda.core.timezone import IST
from alphapanda.dashboard.panels.ages import Age, read_now
from alphapanda.dashboard.panels.candles import INTERVALS, CandleChart, candle_chart, stored_interval
from alphapanda.dashboard.panels.context import PageContext
from alphapanda.dashboard.panels.live.net import as_text
from alphapanda.dashboard.panels.naming import done_word, story_of, symbol_of
from alphapanda.dashboard.panels.portfolio.positions import levels_of
from alphapanda.dashboard.panels.results import PortfolioDay
from instruments.models import Instrument
from market.models import Candle
from portfolio.models import Adjustment, Position, Trade
from portfolio.models.facts import TradeKind
from trading.lab.round_trips import RoundTrip, round_trips
from trading.models import Deployment, Run

SHOWN_TRADES = 20
# However long it has traded, so much of it is read: more than a session's fills, and more than twenty trades' of most.
READ_TRADES = 300
ZERO = Decimal(0)


@dataclass(frozen=True)
class NoOrder:
    """Stands for the order of a trade that none of ours made."""

    reason: str
    pk: None = None

    @property
    def signal(self) -> NoOrder:
        return self


@dataclass(frozen=True)
class Booked:
    """A trade in the books beside the order that made it."""

    trade: Trade
    order: Any

    @property
    def signed_quantity(self) -> int:
        return self.trade.signed_quantity

    @property
    def price(self) -> Decimal:
        return self.trade.price

    @property
    def at(self) -> datetime:
        return self.trade.traded_at


def newest_trades(deployment: Deployment, portfolio: UUID) -> list[Booked]:
    """Return what the deployment's portfolio traded last, oldest first."""
    trades = Trade.objects.filter(account=deployment.account_id, portfolio=portfolio)
    trades = trades.select_related("instrument", "fill__order__signal").order_by("-sequence")
    return [Booked(trade, order_behind(trade)) for trade in reversed(trades[:READ_TRADES])]


def order_behind(trade: Trade) -> Any:
    if hasattr(trade, "fill"):
        return trade.fill.order
    return NoOrder("settled at expiry" if trade.kind == TradeKind.EXPIRY else "by no order of ours")


def from_flat(booked: list[Booked], portfolio: UUID | None) -> list[Booked]:
    """Leave out what came before a holding was flat first: where its trade began was not read.

    A split or a bonus issue moves a holding without a trade, so a holding counts from its last one on.
    """
    held = {(p.instrument_id, p.product): p.quantity for p in Position.objects.filter(portfolio=portfolio)}
    splits = Adjustment.objects.filter(account=booked[0].trade.account_id) if booked else Adjustment.objects.none()
    since = dict(splits.order_by().values_list("instrument").annotate(Max("sequence")))
    by_holding: dict[tuple[UUID, str], list[Booked]] = defaultdict(list)
    for one in booked:
        if one.trade.sequence > since.get(one.trade.instrument_id, -1):
            by_holding[one.trade.instrument_id, one.trade.product].append(one)
    kept = [one for key, trades in by_holding.items() for one in after_flat(trades, held.get(key, 0))]
    return sorted(kept, key=lambda one: one.trade.sequence)


def after_flat(trades: list[Booked], held: int) -> list[Booked]:
    quantity = held - sum(one.signed_quantity for one in trades)
    for nth, one in enumerate(trades):
        if quantity == 0:
            return trades[nth:]
        quantity += one.signed_quantity
    return []


class ClosedTrade(TypedDict):
    key: str
    what: str
    symbol: str
    entered: str
    entry: str
    entry_story: str | None
    exited_at: str | None
    exit: str
    exit_story: str | None
    net: str | None
    why: str


class ClosedTrades(TypedDict):
    """``net`` is of the shown ones together; None: for some charge no rate is known."""

    counts: str
    net: str | None
    age: Age
    rows: list[ClosedTrade]
    empty: str


def closed_trades(page: PageContext, booked: list[Booked], portfolio: UUID | None) -> ClosedTrades:
    over = [trip for trip in round_trips(from_flat(booked, portfolio), keeps_orders=True) if trip.exited_at]
    over.sort(key=lambda trip: (trip.exited_at, trip.instrument), reverse=True)
    shown = over[:SHOWN_TRADES]
    nets = [trip.net for trip in shown]
    return {
        "counts": f"{counted(len(shown), 'trade')}, newest first" if shown else "",
        "net": None if None in nets else as_text(sum((net for net in nets if net is not None), ZERO)),
        "age": read_now(page),
        "rows": [closed_trade(page, trip) for trip in shown],
        "empty": "" if shown else "No trade of it is over yet.",
    }


def closed_trade(page: PageContext, trip: RoundTrip) -> ClosedTrade:
    into = trip.opened_by
    return {
        "key": f"{trip.instrument} {trip.entered_at.isoformat()}",
        "what": f"{done_word(trip.side)} {abs(trip.quantity)}",
        "symbol": trip.instrument.partition(":")[2],
        "entered": day_and_time(page, trip.entered_at),
        "entry": f"{trip.entry_price:f}",
        "entry_story": story_of(into) if into.pk else None,
        "exited_at": day_and_time(page, trip.exited_at) if trip.exited_at else None,
        "exit": f"{trip.exit_price:f}",
        "exit_story": story_of(trip.closed_by) if trip.closed_by.pk else None,
        "net": as_text(trip.net),
        "why": trip.exit_reason,
    }


def day_and_time(page: PageContext, at: datetime) -> str:
    """The time; before it the day, where that is not today."""
    is_today = at.astimezone(IST).date() == page.day
    return clock_time(at) if is_today else f"{weekday_date(at)} {clock_time(at)}"


class ChartChoice(TypedDict):
    key: str
    symbol: str
    href: str
    chosen: bool


class SessionChart(CandleChart):
    """``choices`` are the instruments there may be a chart of; ``missing`` says why there is none."""

    choices: list[ChartChoice]
    newest: str | None
    age: Age
    missing: str


def session_chart(
    page: PageContext, deployment: Deployment, day: PortfolioDay | None, booked: list[Booked], asked: str
) -> SessionChart:
    """Candles of the newest session there are any of, with this deployment's fills on them."""
    instruments = list(deployment.instruments.all())
    chosen = choose_instrument(instruments, day, booked, asked)
    if chosen is None:
        return chart_among(page, candle_chart("no instrument", INTERVALS[0], [], {}, []), [], None, [])
    run = Run.objects.filter(deployment=deployment).order_by("-number").first()
    interval = stored_interval(chosen.pk, run.parameters.get("interval") if run else None)
    candles = session_candles(chosen, interval)
    since = candles[0].start if candles else page.midnight
    fills = [one for one in booked if one.trade.instrument_id == chosen.pk and one.at >= since]
    chart = candle_chart(symbol_of(chosen), interval, candles, levels_beside(day, chosen), fills)
    return chart_among(page, chart, instruments, chosen, candles)


def chart_among(
    page: PageContext,
    chart: CandleChart,
    instruments: list[Instrument],
    chosen: Instrument | None,
    candles: list[Candle],
) -> SessionChart:
    several = instruments if len(instruments) > 1 else []
    return {
        **chart,
        "choices": [
            {"key": one.key, "symbol": symbol_of(one), "href": f"?chart={one.key}", "chosen": one == chosen}
            for one in several
        ],
        "newest": iso(candles[0].start) if candles else None,
        "age": read_now(page),
        "missing": "" if candles else "No candle of its instrument is stored yet.",
    }


def choose_instrument(
    instruments: list[Instrument], day: PortfolioDay | None, booked: list[Booked], asked: str
) -> Instrument | None:
    """The one asked for, else what is held, else what was traded last, else its first."""
    by_key = {one.key: one for one in instruments}
    held = [holding.position.instrument for holding in day.holdings] if day else []
    traded = [one.trade.instrument for one in booked[-1:]]
    wanted = [by_key.get(asked), *held, *traded, *instruments]
    return next((one for one in wanted if one is not None), None)


def session_candles(instrument: Instrument, interval: int) -> list[Candle]:
    rows = Candle.objects.of(instrument, interval)
    newest = rows.order_by("-start").first()
    if newest is None:
        return []
    midnight = newest.start.astimezone(IST).replace(hour=0, minute=0, second=0, microsecond=0)
    return list(rows.filter(start__gte=midnight, start__lt=midnight + timedelta(days=1)).order_by("start"))


def levels_beside(day: PortfolioDay | None, instrument: Instrument) -> dict[str, Decimal | None]:
    """The stop, the target and what it cost, while it is held."""
    held = [one.position for one in day.holdings if one.position.instrument_id == instrument.pk] if day else []
    if day is None or not held:
        return {}
    levels = levels_of([day]).get((day.deployment_id, instrument.key))
    beside: dict[str, Decimal | None] = {"Entry": held[0].average_price}
    return beside | ({"Stop": levels.stop, "Target": levels.target} if levels else {})
