"""The levels of the kill switch; each says in numbers what it would do now."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from typing import TypedDict

from alphapanda.core import roles
from alphapanda.core.figures import counted
from alphapanda.dashboard.panels.ages import Age, read_now
from alphapanda.dashboard.panels.context import GateView, PageContext
from alphapanda.dashboard.panels.live.live_accounts import accounts_that_trade
from portfolio.models import Position
from trading.models import Deployment, Order, SeenOrder
from trading.orders.flatness import flatness_of
from trading.orders.life_cycle import MAY_STILL_FILL, GateState, OrderState
from trading.risk.assess import RULES

CANCEL_ALL = "cancel_all"
FLATTEN = "flatten"
TONES = {GateState.HALTED: "fault", GateState.REDUCE_ONLY: "warn"}


@dataclass(frozen=True, slots=True)
class Level:
    """One level: ``words`` say what stands, ``ask`` what it would do now, ``does`` what the button says."""

    key: str
    name: str
    words: str
    number: str
    ask: str
    does: str


class LevelRow(TypedDict):
    key: str
    name: str
    words: str
    number: str
    ask: str
    does: str
    current: bool
    danger: bool
    needs: str
    tone: str


class KillSwitchPanel(TypedDict):
    whose: str
    age: Age
    levels: list[LevelRow]


def kill_switch_panel(page: PageContext) -> KillSwitchPanel:
    trading = counted(Deployment.objects.working().count(), "strategy", "strategies")
    levels = (*gate_levels(trading, out := orders_out(page.now)), cancel_level(out), flatten_level(page.now))
    gate = page.gate_of()
    return {
        "whose": "every account",
        "age": read_now(page),
        "levels": [level_row(level, gate) for level in levels],
    }


@dataclass(frozen=True, slots=True)
class OrdersOut:
    """How many orders may still fill; ``strangers`` rest at a broker and are not ours."""

    working: int
    unconfirmed: int
    strangers: int

    def __str__(self) -> str:
        parts = [(self.unconfirmed, "unconfirmed"), (self.strangers, "not ours")]
        return ", ".join([f"{self.working} working", *(f"{number} {name}" for number, name in parts if number)])

    def __bool__(self) -> bool:
        return bool(self.working or self.unconfirmed or self.strangers)


def orders_out(now: datetime) -> OrdersOut:
    states = list(Order.objects.filter(state__in=MAY_STILL_FILL).values_list("state", flat=True))
    unconfirmed = states.count(OrderState.UNCONFIRMED)
    return OrdersOut(len(states) - unconfirmed, unconfirmed, SeenOrder.objects.strangers(now).count())


def gate_levels(trading: str, out: OrdersOut) -> tuple[Level, ...]:
    keep = "keeps" if trading.startswith("1 ") else "keep"
    return (
        Level(
            key=GateState.ACTIVE,
            name="Active",
            words=f"orders pass {len(RULES)} rules",
            number="0",
            ask="Orders pass the risk rules again. Paused strategies stay paused.",
            does="Open the gate",
        ),
        Level(
            key=GateState.REDUCE_ONLY,
            name="Reduce only",
            words=f"{trading} {keep} exits only",
            number="1",
            ask=f"New risk is refused; exits pass. {trading} {keep} managing exits.",
            does="Reduce only",
        ),
        Level(
            key=GateState.HALTED,
            name="Halt",
            words="every new order refused",
            number="2",
            ask=f"Every new order is refused but exits. On their way and not stopped by it: {out}.",
            does="Halt trading",
        ),
    )


def flatten_level(now: datetime) -> Level:
    held = Position.objects.open().filter(portfolio__account__is_active=True).count()
    positions = counted(held, "position")
    return Level(
        key=FLATTEN,
        name="Flatten",
        words=f"leave {positions}" if held else "; ".join(["nothing is held", *proofs_of_flat(now)]),
        number="4",
        ask=f"Leaves {positions} at market, and asks more until flat. Entries are taken back, and orders at a broker "
        "that are not ours; only exits pass.",
        does="Flatten everything",
    )


def proofs_of_flat(now: datetime) -> list[str]:
    """What the broker of each live account says of it: our books alone prove nothing there."""
    return [f"{account.name}: {flatness_of(account, now).words}" for account in accounts_that_trade()]


def cancel_level(out: OrdersOut) -> Level:
    held = " Unconfirmed ones are cancelled once they are found alive." if out.unconfirmed else ""
    return Level(
        key=CANCEL_ALL,
        name="Cancel all",
        words=str(out) if out else "nothing is working",
        number="3",
        ask=f"Asks to cancel {out}.{held}",
        does="Cancel all orders",
    )


def level_row(level: Level, gate: GateView) -> LevelRow:
    is_current = level.key == str(gate.state) and gate.is_known
    return {
        "key": level.key,
        "name": level.name,
        "words": level.words,
        "number": "" if is_current else level.number,
        "ask": level.ask,
        "does": level.does,
        "current": is_current,
        "danger": level.key != GateState.ACTIVE,
        "needs": roles.needs("gate", level.key),
        "tone": TONES.get(gate.state, "") if is_current else "",
    }
