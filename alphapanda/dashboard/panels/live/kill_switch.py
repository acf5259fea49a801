"""The levels of the kill switch; each says in numbers what it would do now."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TypedDict

from alphapanda.core import roles
from alphapanda.core.figures import counted
from alphapanda.dashboard.panels.ages import Age, read_now
from alphapanda.dashboard.panels.context import GateView, PageContext
from portfolio.models import Position
from trading.models import Deployment, Order
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
    states = list(Order.objects.filter(state__in=MAY_STILL_FILL).values_list("state", flat=True))
    unconfirmed = states.count(OrderState.UNCONFIRMED)
    trading = counted(Deployment.objects.working().count(), "strategy", "strategies")
    held = Position.objects.open().filter(portfolio__account__is_active=True).count()
    levels = list_levels(trading, len(states) - unconfirmed, unconfirmed, held)
    gate = page.gate_of()
    return {
        "whose": "every account",
        "age": read_now(page),
        "levels": [level_row(level, gate) for level in levels],
    }


def list_levels(trading: str, working: int, unconfirmed: int, held: int) -> tuple[Level, ...]:
    return (*gate_levels(trading, working, unconfirmed), cancel_level(working, unconfirmed), flatten_level(held))


def gate_levels(trading: str, working: int, unconfirmed: int) -> tuple[Level, ...]:
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
            ask="Every new order is refused but exits. "
            f"On their way and not stopped by it: {words_out(working, unconfirmed)}.",
            does="Halt trading",
        ),
    )


def flatten_level(held: int) -> Level:
    positions = counted(held, "position")
    return Level(
        key=FLATTEN,
        name="Flatten",
        words=f"leave {positions}" if held else "nothing is held",
        number="4",
        ask=f"Leaves {positions} at market, and asks more until flat. Entries are taken back; only exits pass.",
        does="Flatten everything",
    )


def cancel_level(working: int, unconfirmed: int) -> Level:
    out = words_out(working, unconfirmed)
    held = " Unconfirmed ones are cancelled once they are found alive." if unconfirmed else ""
    return Level(
        key=CANCEL_ALL,
        name="Cancel all",
        words=out if working or unconfirmed else "nothing is working",
        number="3",
        ask=f"Asks to cancel {out}.{held}",
        does="Cancel all orders",
    )


def words_out(working: int, unconfirmed: int) -> str:
    return f"{working} working" + (f", {unconfirmed} unconfirmed" if unconfirmed else "")


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
