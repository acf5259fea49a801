"""May orders leave, is nothing unexplained, and do the books agree?"""

from collections.abc import Mapping
from datetime import datetime, timedelta

from alphapanda.core.clock.market_time import wall_now
from alphapanda.core.figures import whole
from alphapanda.core.journal.models import DeadLetter
from alphapanda.flight.finding import Finding, ok_finding, red_finding, warn_finding, worst_finding
from portfolio.health import book_problems
from portfolio.models import Account
from trading.models import Gate, Order
from trading.orders.gates import flag_file
from trading.orders.life_cycle import GATE_LABELS, GateState, OrderState
from trading.ticks.sweeping import oldest_work

WAIT_NOTICED, WAIT_TOO_LONG = timedelta(seconds=10), timedelta(seconds=60)


def check_gates(name: str) -> Finding:
    if flag_file().exists():
        return red_finding(name, f"{flag_file()} halts everything: run resume")
    rows = list(Gate.objects.select_related("account").order_by("-is_global", "account__name"))
    if not any(gate.is_global for gate in rows):
        return red_finding(name, "there is no global gate, so everything counts as halted: run resume")
    found = [gate_open(name, gate) for gate in rows]
    ungated = Account.objects.active().filter(gate__isnull=True).values_list("name", flat=True)
    found += [red_finding(name, f"{account} has no gate, so it counts as halted: run resume") for account in ungated]
    return worst_finding(found, name, "")


def gate_open(name: str, gate: Gate) -> Finding:
    whose, state = gate.account.name if gate.account else "everything", GateState(gate.state)
    words = f"{whose}: {GATE_LABELS[state].lower()}"
    if state == GateState.ACTIVE:
        return ok_finding(name, words)
    by = f" by {gate.changed_by}" if gate.changed_by else ""
    told = f"{words}{by}{f': {gate.reason}' if gate.reason else ''}"
    return red_finding(name, told) if state == GateState.HALTED else warn_finding(name, told)


def waiting_work(name: str) -> Finding:
    return work_waits(name, oldest_work(), wall_now())


def work_waits(name: str, oldest: Mapping[str, datetime | None], now: datetime) -> Finding:
    """The age of the oldest row each stage has not taken: a stage that does not work shows here first."""
    ages = {what: now - since for what, since in oldest.items() if since}
    slow = {what: age for what, age in ages.items() if age > WAIT_NOTICED}
    if not slow:
        return ok_finding(name, "nothing waits" if not ages else "nothing waits for long")
    words = "; ".join(f"{what}: the oldest for {whole(age.total_seconds())} s" for what, age in slow.items())
    return red_finding(name, words) if max(slow.values()) > WAIT_TOO_LONG else warn_finding(name, words)


def check_orders(name: str) -> Finding:
    unconfirmed = Order.objects.filter(state=OrderState.UNCONFIRMED).count()
    asking = Order.objects.filter(state=OrderState.NEEDS_HUMAN).count()
    if asking:
        return red_finding(name, f"{asking} need a person: nobody can prove what became of them")
    if unconfirmed:
        return warn_finding(name, f"{unconfirmed} unconfirmed: the broker has not answered")
    return ok_finding(name, "every order is accounted for")


def dead_letters(name: str) -> Finding:
    count = DeadLetter.objects.filter(state=DeadLetter.State.OPEN).count()
    if not count:
        return ok_finding(name, "no work has been given up")
    return red_finding(name, f"{count} open: look with `dead_letters list`, then replay or drop")


def check_books(name: str) -> Finding:
    if problems := book_problems():
        return red_finding(name, f"{len(problems)} wrong: {'; '.join(problems[:3])}")
    return ok_finding(name, "every position is the sum of its trades, and every trade is charged")
