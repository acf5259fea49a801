"""Faults on demand: what a broker's API does on a bad day, switched on by tests."""

import itertools
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from functools import partial
from typing import Any

from kitesim.errors import bad_input

# On calls, matched by method and path (by default: placing an order).
REQUEST_KINDS = frozenset(
    {"delay", "drop_before_accept", "drop_after_accept", "http", "html502", "no_content_type", "wrong_data"}
)
# On the ticker.
SOCKET_KINDS = frozenset(
    {"silent", "heartbeat_only", "half_open", "close_sockets", "refuse_upgrade",
     "short_frame", "malformed_frame", "bad_price"}
)  # fmt: skip
# On orders and sessions.
ORDER_KINDS = frozenset(
    {"duplicate_order_updates", "reorder_order_updates", "drop_order_updates", "lag_book", "lag_trades", "pending",
     "reject", "expire_token"}
)  # fmt: skip
KINDS = REQUEST_KINDS | SOCKET_KINDS | ORDER_KINDS


@dataclass
class Fault:
    """Ends after ``left`` uses, or at ``until`` (monotonic seconds), or when it is cleared."""

    number: int
    kind: str
    terms: dict[str, Any] = field(default_factory=dict)
    left: int | None = None
    until: float | None = None

    def report(self) -> dict[str, Any]:
        return {"id": self.number, "kind": self.kind, "left": self.left, **self.terms}

    def is_about(self, method: str, path: str) -> bool:
        return method == self.terms.get("method", "POST") and path.startswith(self.terms.get("path", "/orders"))


class Faults:
    """The faults now switched on."""

    def __init__(self, monotonic: Callable[[], float] = time.monotonic) -> None:
        self._monotonic, self._numbers = monotonic, itertools.count(1)
        self._faults: list[Fault] = []

    def add(self, spec: dict[str, Any]) -> Fault:
        """``spec``: kind, and count or for_seconds, and the kind's own terms. Without either: until cleared."""
        terms = dict(spec)
        kind = terms.pop("kind", None)
        if kind not in KINDS:
            raise bad_input(f"Unknown fault {kind!r}; known are {', '.join(sorted(KINDS))}")
        left, seconds = terms.pop("count", None), terms.pop("for_seconds", None)
        until = None if seconds is None else self._monotonic() + float(seconds)
        fault = Fault(next(self._numbers), kind, terms, None if left is None else int(left), until)
        self._faults.append(fault)
        return fault

    def clear(self, kind: str | None = None) -> int:
        before = len(self._faults)
        self._faults = [fault for fault in self._faults if kind not in (None, fault.kind)]
        return before - len(self._faults)

    def now_on(self) -> list[Fault]:
        now = self._monotonic()
        self._faults = [
            fault for fault in self._faults if fault.left != 0 and (fault.until is None or now < fault.until)
        ]
        return list(self._faults)

    def active(self, kind: str) -> Fault | None:
        """The fault, without using it up."""
        if not self._faults:
            return None
        return next((fault for fault in self.now_on() if fault.kind == kind), None)

    def take_fault(self, kind: str) -> Fault | None:
        """The fault, one use of it spent."""
        return _spend(self.active(kind))

    def take_for_request(self, method: str, path: str) -> Fault | None:
        if not self._faults:
            return None
        about = (f for f in self.now_on() if f.kind in REQUEST_KINDS and f.is_about(method, path))
        return _spend(next(about, None))

    def spoiler(self) -> Callable[[bytes], bytes] | None:
        """What to do to the frames of this moment, if anything; a use is spent when the first of them is spoiled."""
        for kind, spoil in (("short_frame", _cut), ("malformed_frame", _garble), ("bad_price", None)):
            fault = self.active(kind)
            if fault is not None:
                return _spending(
                    fault, spoil or partial(_misprice, price=int(fault.terms.get("price", 0)) & 0xFFFFFFFF)
                )
        return None

    def stops(self, is_heartbeat: bool) -> bool:
        """Whether a frame must not go out."""
        return bool(self.active("silent") or (not is_heartbeat and self.active("heartbeat_only")))


def _spend(fault: Fault | None) -> Fault | None:
    if fault is not None and fault.left is not None:
        fault.left -= 1
    return fault


def _spending(fault: Fault, spoil: Callable[[bytes], bytes]) -> Callable[[bytes], bytes]:
    """A moment in which nothing changed for anyone sends no frame, and must not use the fault up."""
    is_spent = False

    def spoil_and_spend(frame: bytes) -> bytes:
        nonlocal is_spent
        if not is_spent:
            _spend(fault)
            is_spent = True
        return spoil(frame)

    return spoil_and_spend


def _cut(frame: bytes) -> bytes:
    return frame[: max(len(frame) * 2 // 3, 3)]


def _garble(frame: bytes) -> bytes:
    """A count that promises more packets than there are, and a packet of an unknown length."""
    return b"\xff\xff\x00\x07" + frame[4:11]


def _misprice(frame: bytes, price: int) -> bytes:
    """The first packet's last price (wire units) replaced."""
    return frame[:8] + price.to_bytes(4, "big") + frame[12:] if len(frame) >= 12 else frame
