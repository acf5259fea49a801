"""What an order, a signal, a deployment, an exit and the gate can be, and what each may become."""

from __future__ import annotations

from collections.abc import Mapping
from enum import IntEnum, StrEnum
from typing import Any, TypeVar


class OrderState(StrEnum):
    CREATED = "created"  # decided and saved; the broker has not been asked
    UNCONFIRMED = "unconfirmed"  # claimed and asked; no proof either way, so it may be live
    SUBMITTED = "submitted"  # the broker gave it an id; the exchange may refuse it
    OPEN = "open"  # resting at the exchange
    TRIGGER_PENDING = "trigger_pending"  # a stop that has not been triggered
    FILLED = "filled"
    CANCELLED = "cancelled"
    REJECTED = "rejected"  # by the broker or the exchange, never by our own gate
    EXPIRED = "expired"  # its time ran out: too old to send, or the session closed
    NOT_PLACED = "not_placed"  # proof that the broker never took it
    NEEDS_HUMAN = "needs_human"  # the day ends, or books differ, and there is still no proof


class SignalState(StrEnum):
    NEW = "new"
    ORDERED = "ordered"
    DENIED = "denied"
    EXPIRED = "expired"
    FAILED = "failed"
    SUPERSEDED = "superseded"


class DeploymentState(StrEnum):
    STOPPED = "stopped"
    WARMING = "warming"
    RUNNING = "running"
    PAUSED = "paused"
    HALTED = "halted"


class GateState(StrEnum):
    ACTIVE = "active"
    REDUCE_ONLY = "reduce_only"
    HALTED = "halted"


class BrokerState(StrEnum):
    """Whether an account's broker takes orders. Blind, where its books cannot be read, is told by their age."""

    NORMAL = "normal"
    EXITS_ONLY = "exits_only"  # something is not as it must be: a person looks, and only getting out goes on
    DOWN = "down"  # nothing is taken: logged out, or not from this address


class Urgency(IntEnum):
    """Why one leaves: a more urgent wish takes over what rests for a less urgent one (exits.md 3.5)."""

    HAND_LIMIT = 10  # a person's limit: it rests at its price
    TARGET = 20
    SIGNAL = 30  # the strategy wants out
    NOW = 40  # stop, flat-by, or a person's Exit
    FLATTEN = 50  # the kill switch


class IllegalTransition(Exception):
    """A state was asked to become one its life-cycle table does not allow."""


_O, _S, _D, _G = OrderState, SignalState, DeploymentState, GateState

# What can become of an order that the broker may know.
_OUTCOMES = frozenset({_O.FILLED, _O.CANCELLED, _O.REJECTED, _O.EXPIRED, _O.NEEDS_HUMAN})

NEXT_STATES: dict[OrderState, frozenset[OrderState]] = {
    # Open or filled straight away only where a restored backup knows less than the exchange.
    _O.CREATED: frozenset({_O.UNCONFIRMED, _O.OPEN, _O.CANCELLED, _O.EXPIRED, _O.NOT_PLACED, _O.FILLED}),
    _O.UNCONFIRMED: _OUTCOMES | {_O.SUBMITTED, _O.OPEN, _O.TRIGGER_PENDING, _O.NOT_PLACED},
    _O.SUBMITTED: _OUTCOMES | {_O.OPEN, _O.TRIGGER_PENDING},
    _O.OPEN: _OUTCOMES | {_O.TRIGGER_PENDING},  # a modify can turn a limit order into a stop
    _O.TRIGGER_PENDING: _OUTCOMES | {_O.OPEN},
    _O.FILLED: frozenset(),
    # An exchange can fill an order while our cancel is on its way, and a broker's
    # book can lag for hours: a trade is proof, whatever we believed before it.
    _O.CANCELLED: frozenset({_O.FILLED}),
    _O.REJECTED: frozenset({_O.FILLED}),
    _O.EXPIRED: frozenset({_O.FILLED}),
    # Found alive in the broker's book after all: somebody must look.
    _O.NOT_PLACED: frozenset({_O.FILLED, _O.NEEDS_HUMAN}),
    _O.NEEDS_HUMAN: frozenset({_O.FILLED, _O.CANCELLED, _O.REJECTED, _O.EXPIRED, _O.NOT_PLACED}),
}

NEXT_SIGNAL_STATES: dict[SignalState, frozenset[SignalState]] = {
    _S.NEW: frozenset({_S.ORDERED, _S.DENIED, _S.EXPIRED, _S.FAILED, _S.SUPERSEDED}),
    _S.ORDERED: frozenset(),
    _S.DENIED: frozenset(),
    _S.EXPIRED: frozenset(),
    _S.FAILED: frozenset(),
    _S.SUPERSEDED: frozenset(),
}

NEXT_DEPLOYMENT_STATES: dict[DeploymentState, frozenset[DeploymentState]] = {
    _D.STOPPED: frozenset({_D.WARMING}),
    _D.WARMING: frozenset({_D.RUNNING, _D.PAUSED, _D.HALTED, _D.STOPPED}),
    _D.RUNNING: frozenset({_D.WARMING, _D.PAUSED, _D.HALTED, _D.STOPPED}),
    _D.PAUSED: frozenset({_D.WARMING, _D.RUNNING, _D.HALTED, _D.STOPPED}),
    _D.HALTED: frozenset({_D.WARMING, _D.RUNNING, _D.PAUSED, _D.STOPPED}),
}

NEXT_GATE_STATES: dict[GateState, frozenset[GateState]] = {
    _G.ACTIVE: frozenset({_G.REDUCE_ONLY, _G.HALTED}),
    _G.REDUCE_ONLY: frozenset({_G.ACTIVE, _G.HALTED}),
    _G.HALTED: frozenset({_G.ACTIVE, _G.REDUCE_ONLY}),
}

_TABLES: dict[type[StrEnum], Mapping[Any, frozenset[StrEnum]]] = {
    OrderState: NEXT_STATES,
    SignalState: NEXT_SIGNAL_STATES,
    DeploymentState: NEXT_DEPLOYMENT_STATES,
    GateState: NEXT_GATE_STATES,
}

State = TypeVar("State", OrderState, SignalState, DeploymentState, GateState)


def may_advance(current: State, new: State) -> bool:
    return new == current or new in _TABLES[type(current)][current]


def advance_state(current: State, new: State) -> State:
    """Return ``new`` if it may follow ``current``. Raises IllegalTransition."""
    if may_advance(current, new):
        return new
    raise IllegalTransition(f"{current} → {new}")


TERMINAL = frozenset({_O.FILLED, _O.CANCELLED, _O.REJECTED, _O.EXPIRED, _O.NOT_PLACED})
MAY_STILL_FILL = frozenset(OrderState) - TERMINAL  # no proof means it may fill: its exposure stays reserved


AT_THE_EXCHANGE = frozenset({_O.OPEN, _O.TRIGGER_PENDING})


def is_terminal(state: OrderState) -> bool:
    """Whether we expect nothing more; a late trade is booked all the same."""
    return state in TERMINAL


def state_after_trades(current: OrderState, quantity: int, filled: int) -> OrderState:
    """Return the state that booked trades prove; unsigned quantities.

    A trade is booked whatever the state says. Filled whole, any order becomes
    ``filled``; filled in part, one not known to rest is now known to be open.
    """
    if filled >= quantity:
        return advance_state(current, OrderState.FILLED)
    if filled and current in (_O.CREATED, _O.UNCONFIRMED, _O.SUBMITTED, _O.TRIGGER_PENDING):
        return OrderState.OPEN
    return current


GATE_SEVERITY: dict[GateState, int] = {_G.ACTIVE: 0, _G.REDUCE_ONLY: 1, _G.HALTED: 2}


def effective_gate(*gates: GateState | None, flag_raised: bool) -> GateState:
    """Return the gate that holds: the strictest of those given. An unknown one counts as halted; the flag beats all."""
    if flag_raised:
        return GateState.HALTED
    return max((gate or GateState.HALTED for gate in gates), key=GATE_SEVERITY.__getitem__)


# Screen words. "Refused" is said of our own gate, "rejected" of the broker or the exchange.
# One table per enum: members of different string enums with one value are equal.
ORDER_LABELS: dict[OrderState, str] = {
    _O.CREATED: "Waiting to be sent",
    _O.UNCONFIRMED: "Unconfirmed",
    _O.SUBMITTED: "Accepted",
    _O.OPEN: "Open",
    _O.TRIGGER_PENDING: "Trigger pending",
    _O.FILLED: "Filled",
    _O.CANCELLED: "Cancelled",
    _O.REJECTED: "Rejected",
    _O.EXPIRED: "Expired",
    _O.NOT_PLACED: "Not placed",
    _O.NEEDS_HUMAN: "Needs a person",
}
SIGNAL_LABELS: dict[SignalState, str] = {
    _S.NEW: "Being checked",
    _S.ORDERED: "Ordered",
    _S.DENIED: "Refused",
    _S.EXPIRED: "Too old",
    _S.FAILED: "Failed",
    _S.SUPERSEDED: "Withdrawn",
}
DEPLOYMENT_LABELS: dict[DeploymentState, str] = {
    _D.STOPPED: "Stopped",
    _D.WARMING: "Warming up",
    _D.RUNNING: "Running",
    _D.PAUSED: "Paused",
    _D.HALTED: "Halted",
}
GATE_LABELS: dict[GateState, str] = {
    _G.ACTIVE: "Active",
    _G.REDUCE_ONLY: "Reduce only",
    _G.HALTED: "Halted",
}

MEANINGS: dict[OrderState, str] = {
    _O.CREATED: "Decided and saved; the broker has not been asked yet.",
    _O.UNCONFIRMED: "The broker has not answered. It counts as filled until proven, and is not sent again.",
    _O.SUBMITTED: "The broker took it; the exchange may still reject it.",
    _O.OPEN: "Resting at the exchange.",
    _O.TRIGGER_PENDING: "Waits for the last price to reach its trigger.",
    _O.FILLED: "Filled whole.",
    _O.CANCELLED: "Cancelled; what was filled before stays filled.",
    _O.REJECTED: "Rejected by the broker or the exchange.",
    _O.EXPIRED: "Its time ran out before it was filled whole.",
    _O.NOT_PLACED: "Proven not to have reached the broker.",
    _O.NEEDS_HUMAN: "No proof of what became of it. Compare with the broker's order book.",
}

URGENCY_LABELS: dict[Urgency, str] = {
    Urgency.HAND_LIMIT: "a limit by hand",
    Urgency.TARGET: "target",
    Urgency.SIGNAL: "the strategy wants out",
    Urgency.NOW: "now",
    Urgency.FLATTEN: "flatten",
}
# Codes of a run's own reasons; any other is the strategy's.
_OF_REASON = {
    "stop": Urgency.NOW,
    "flat_by": Urgency.NOW,
    "left_over": Urgency.NOW,
    "backwards": Urgency.NOW,
    "target": Urgency.TARGET,
}


def urgency_of(reason_code: str) -> Urgency:
    return _OF_REASON.get(reason_code, Urgency.SIGNAL)
