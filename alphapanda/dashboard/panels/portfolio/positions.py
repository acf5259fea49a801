"""Open positions by account, with their prices, stops and open profit."""

from __future__ import annotations

from collections.abc import Collection, Iterable
from dataclasses import dataclass
from decimal import Decimal
from typing import NotRequired, TypedDict
from uuid import UUID

from django.urls import reverse

from alphapanda.core import roles
from alphapanda.core.figures import counted, plain, short_rupees, signed_whole, whole
from alphapanda.dashboard.panels.ages import Age, oldest_age, quote_age, read_now
from alphapanda.dashboard.panels.context import PageContext
from alphapanda.dashboard.panels.live.net import as_text
from alphapanda.dashboard.panels.naming import symbol_of, tail_of
from alphapanda.dashboard.panels.results import Holding, PortfolioDay, PortfolioDays
from portfolio.domain.pnl import known_total
from portfolio.models import Account, Position
from trading.models import ExitPlan, Signal
from trading.orders.life_cycle import SignalState
from trading.run.position import Levels
from trading.ticks.checkpoints import checkpointed_levels

LevelsByHolding = dict[tuple[UUID | None, str], Levels]
Leaving = dict[tuple[UUID, UUID, str], str]


@dataclass(frozen=True)
class Beside:
    """What is shown beside a position: its stop, what its exit waits for, and what of it cannot be sold yet."""

    levels: LevelsByHolding
    leaving: Leaving
    receivable: dict[UUID, int]


class PositionsPanel(TypedDict):
    counts: str
    age: Age
    groups: list[AccountPositions]
    empty: str


def positions_panel(page: PageContext, days: PortfolioDays) -> PositionsPanel:
    known = Beside(levels_of(days.all), words_of_exits(), Position.objects.receivable(page.day))
    groups = [account_positions(page, account, days.of_account(account), known) for account in page.accounts]
    groups = [each for each in groups if each["rows"]]
    ages = [row["age"] for each in groups for row in each["rows"]]
    scale_together(groups)
    return {
        "counts": counts_of(groups),
        "age": oldest_age(ages, read_now(page)),
        "groups": groups,
        "empty": "" if groups else "Flat. No open positions in any account.",
    }


def counts_of(groups: Iterable[AccountPositions]) -> str:
    by_mode: dict[str, int] = {}
    for each in groups:
        by_mode[each["mode"]] = by_mode.get(each["mode"], 0) + len(each["rows"])
    return ", ".join(f"{number} {mode}" for mode, number in by_mode.items())


class AccountPositions(TypedDict):
    key: str
    mode: str
    note: str
    open: str | None
    rows: list[PositionRow]
    age: Age


def account_positions(page: PageContext, account: Account, days: list[PortfolioDay], known: Beside) -> AccountPositions:
    held = [(day, holding) for day in days for holding in day.holdings]
    mode = page.mode_of(account)
    gross = known_total(None if h.value is None else abs(h.value) for _, h in held)
    nets = nets_of(holding.position for _, holding in held)
    rows = [position_row(page, day, holding, mode, known, nets) for day, holding in held]
    note = f"{account.name}, {counted(len(held), 'position')}, {short_rupees(gross)} gross"
    return {
        "key": str(account.pk),
        "mode": mode,
        "note": note,
        "open": as_text(known_total(h.open for _, h in held)),
        "rows": rows,
        "age": oldest_age([each["age"] for each in rows], read_now(page)),
    }


Nets = dict[tuple[UUID, str], tuple[int, int]]


def nets_of(positions: Iterable[Position]) -> Nets:
    """By instrument and product: how many portfolios hold it, and what the broker sees of them together."""
    nets: Nets = {}
    for one in positions:
        holders, net = nets.get((one.instrument_id, one.product), (0, 0))
        nets[one.instrument_id, one.product] = holders + 1, net + one.quantity
    return nets


def net_words(position: Position, nets: Nets) -> str:
    """Said where several hold the same: +120 and −120 are nothing at the broker."""
    holders, net = nets[position.instrument_id, position.product]
    return f"net at the broker {signed_whole(net)}" if holders > 1 else ""


class PositionRow(TypedDict):
    key: str
    k: str
    symbol: str
    tail: str
    owner: str
    net: str
    quantity: int
    average: str | None
    last: str | None
    open: str | None
    stop: str
    to_stop: str | None  # rupees that are lost from here until the stop
    exit_address: str
    exit_ask: str
    kind: str  # whose money: the sum it moves with
    needs: str
    mode: str
    deployment: str | None
    portfolio: str
    book: str
    realised: str | None
    age: Age
    bar_scale: NotRequired[str | None]


def position_row(
    page: PageContext, day: PortfolioDay, holding: Holding, mode: str, known: Beside, nets: Nets
) -> PositionRow:
    position, instrument = holding.position, holding.position.instrument
    levels = known.levels.get((day.deployment_id, instrument.key))
    stop = levels.stop if levels else None
    return {
        "key": str(position.pk),
        "k": instrument.key,
        "symbol": symbol_of(instrument),
        "tail": _tail(position, known),
        "owner": str(day.portfolio),
        "net": net_words(position, nets),
        "quantity": position.quantity,
        "average": as_text(position.average_price),
        "last": as_text(holding.last),
        "open": as_text(holding.open),
        "stop": _leaving(position, known) or (plain(stop) if stop is not None else "none"),
        "to_stop": None if stop is None or holding.last is None else as_text((holding.last - stop) * position.quantity),
        "exit_address": reverse("dashboard:exit_position", args=[position.pk]),
        "exit_ask": f"Leaves {signed_whole(position.quantity)} {symbol_of(instrument)}, asking more until flat.",
        "kind": day.account.mode,
        "needs": roles.needs("exit_position", account=day.portfolio.account_id),
        "mode": mode,
        "deployment": str(day.deployment_id) if day.deployment_id else None,
        "portfolio": str(day.portfolio.pk),
        "book": str(day.portfolio),
        "realised": as_text(position.realised),
        "age": quote_age(holding.quote, page.now, instrument, is_open=page.is_open),
    }


def _leaving(position: Position, known: Beside) -> str | None:
    return known.leaving.get((position.portfolio_id, position.instrument_id, position.product))


def _tail(position: Position, known: Beside) -> str:
    waiting, tail = known.receivable.get(position.pk), tail_of(position.instrument, position.product)
    return f"{tail}, {whole(waiting)} receivable" if waiting else tail


def words_of_exits() -> Leaving:
    """What each exit under way waits for, by portfolio, instrument and product."""
    return {
        (plan.portfolio_id, plan.instrument_id, plan.product): f"leaving: {plan.state_reason or 'asked'}"
        for plan in ExitPlan.objects.unfinished()
    }


def levels_of(days: Iterable[PortfolioDay]) -> LevelsByHolding:
    """Where each open position would be left: as its run keeps it now, or as it was entered."""
    held = {(day.deployment_id, h.position.instrument_id) for day in days for h in day.holdings}
    return entry_levels(held) | checkpointed_levels()


def entry_levels(held: Collection[tuple[UUID | None, UUID]]) -> LevelsByHolding:
    entries = Signal.objects.filter(
        kind=Signal.Kind.ENTER,
        state=SignalState.ORDERED,
        deployment_id__in={deployment for deployment, _ in held if deployment},
        instrument_id__in={instrument for _, instrument in held},
    ).select_related("instrument")
    latest = entries.order_by("deployment_id", "instrument_id", "-id").distinct("deployment_id", "instrument_id")
    return {(signal.deployment_id, signal.instrument.key): Levels(signal.stop, signal.target) for signal in latest}


def scale_together(groups: Iterable[AccountPositions]) -> None:
    """One scale for the bars of the whole table."""
    rows = [row for each in groups for row in each["rows"]]
    largest = max((abs(Decimal(row["open"])) for row in rows if row["open"]), default=Decimal(0))
    for each in rows:
        each["bar_scale"] = as_text(largest)
