"""How much of each limit of the first account is used, reserved and left; and the rungs of the kill ladder."""

from datetime import timedelta
from decimal import Decimal
from typing import Any

from django.db.models import Count, Q

from alphapanda.dashboard.formats import plain, short, short_rupees
from alphapanda.dashboard.panels.ages import read_now
from alphapanda.dashboard.panels.context import GateView, World
from alphapanda.dashboard.panels.live.net import main_account
from alphapanda.dashboard.panels.live.verdict import count
from alphapanda.dashboard.panels.results import Books, total
from portfolio.domain.pnl import known_total
from portfolio.models import Account
from trading.models import Deployment, Order, RiskLimit
from trading.orders.life_cycle import MAY_STILL_FILL, GateState, OrderState
from trading.risk.assess import RULES
from trading.risk.inputs import Usage
from trading.risk.market_view import as_limits
from trading.risk.meters import Meter, scope_meters

WARNING = Decimal("0.8")
LOOKS = {"ok": ("", "none"), "near": ("warn", "warn"), "full": ("fault", "halted"), "unknown": ("unknown", "unknown")}
MONEY = frozenset({"LOSS_ACCOUNT", "LOSS_DEPLOYMENT", "MAX_GROSS", "MAX_NET"})


def limits_panel(world: World, books: Books) -> dict[str, Any]:
    account = main_account(world)
    meters = meters_of(world, books, account) if account else []
    rows = [meter_row(meter) for meter in meters if meter.level != "unlimited"]
    return {
        "whose": account.name if account else "",
        "age": read_now(world),
        "rows": rows,
        "empty": "" if rows else "No limit is set: only the exchange's own rules apply.",
    }


def meters_of(world: World, books: Books, account: Account) -> list[Meter]:
    row = RiskLimit.objects.filter(account=account, deployment__isnull=True).first()
    return list(scope_meters("account", usage(world, books, account), as_limits(row), WARNING))


def usage(world: World, books: Books, account: Account) -> Usage:
    """What the account uses now; one unknown price makes the sums unknown."""
    own = books.of_account(account)
    values = [each.value for book in own for each in book.holdings]
    live = list(Order.objects.live().filter(account=account).values_list("side", "reserved", "is_exit"))
    minute, today = orders_sent(world, account)
    return Usage(
        gross=known_total(None if value is None else abs(value) for value in values),
        net=known_total(values),
        reserved_buys=sum((reserved for side, reserved, exits in live if side == "BUY" and not exits), Decimal(0)),
        reserved_sells=sum((reserved for side, reserved, exits in live if side == "SELL" and not exits), Decimal(0)),
        open_orders=len(live),
        orders_this_minute=minute,
        orders_today=today,
        profit_today=total(own).net,
    )


def orders_sent(world: World, account: Account) -> tuple[int, int]:
    today = Order.objects.filter(account=account, market_time__gte=world.midnight)
    last_minute = Q(market_time__gt=world.now - timedelta(minutes=1))
    counted = today.aggregate(minute=Count("pk", filter=last_minute), day=Count("pk"))
    return counted["minute"], counted["day"]


def meter_row(meter: Meter) -> dict[str, Any]:
    tone, mark = LOOKS[meter.level]
    money = meter.code in MONEY
    used, left = used_words(meter, money=money), left_words(meter, money=money)
    return {
        "key": f"{meter.scope}-{meter.code}",
        "name": meter.title,
        "used": used,
        "left": left,
        "ratio": None if meter.used_share is None else str(meter.used_share),
        "reserved_ratio": None if meter.reserved_share is None else str(meter.reserved_share),
        "tone": tone,
        "mark": mark,
        "title": f"{meter.title}: {plain(meter.used)} of {plain(meter.limit)}",
        "spoken": f"{meter.used_words} of {meter.limit_words}, {meter.left_words}",
    }


def used_words(meter: Meter, *, money: bool) -> str:
    if meter.used is None or meter.limit is None:
        return f"of {shown(meter.limit, money=money)}"
    return f"{shown(meter.used, money=money)} of {shown(meter.limit, money=money)}"


def left_words(meter: Meter, *, money: bool) -> str:
    if meter.left is None:
        return "unknown"
    size = short_rupees(abs(meter.left)) if money else plain(abs(meter.left), 0)
    return f"{size} {'left' if meter.left >= 0 else 'over'}"


def shown(value: Decimal | None, *, money: bool) -> str:
    return short(value) if money else plain(value, 0)


def ladder_panel(world: World) -> dict[str, Any]:
    """The rungs that exist; each says in numbers what it would do now."""
    gate = world.gate_of()
    live = Order.objects.filter(state__in=MAY_STILL_FILL).values_list("state", flat=True)
    states = list(live)
    trading = Deployment.objects.working().count()
    unconfirmed = states.count(OrderState.UNCONFIRMED)
    return {
        "whose": "every account",
        "age": read_now(world),
        "rungs": rungs(gate, trading, len(states) - unconfirmed, unconfirmed),
    }


def rungs(gate: GateView, trading: int, working: int, unconfirmed: int) -> list[dict[str, Any]]:
    out = words_out(working, unconfirmed)
    many = count(trading, "strategy", "strategies")
    keep = "keeps" if trading == 1 else "keep"
    return [
        rung(
            "active",
            "Active",
            f"orders pass {len(RULES)} rules",
            "0",
            gate,
            "Orders pass the risk rules again. Paused strategies stay paused.",
            "Open the gate",
        ),
        rung(
            "reduce_only",
            "Reduce only",
            f"{many} {keep} exits only",
            "1",
            gate,
            f"New risk is refused; exits pass. {many} {keep} managing exits.",
            "Reduce only",
        ),
        rung(
            "halted",
            "Halt",
            "every new order refused",
            "2",
            gate,
            f"Every new order is refused but exits. On their way and not stopped by it: {out}.",
            "Halt trading",
        ),
        cancel_rung(gate, working, unconfirmed),
    ]


def cancel_rung(gate: GateView, working: int, unconfirmed: int) -> dict[str, Any]:
    out = words_out(working, unconfirmed)
    held = " Unconfirmed ones cannot be cancelled until the broker answers." if unconfirmed else ""
    words = out if working or unconfirmed else "nothing is working"
    return rung("cancel_all", "Cancel all", words, "3", gate, f"Asks to cancel {out}.{held}", "Cancel all orders")


def words_out(working: int, unconfirmed: int) -> str:
    return f"{working} working" + (f", {unconfirmed} unconfirmed" if unconfirmed else "")


def rung(key: str, name: str, words: str, number: str, gate: GateView, ask: str, does: str) -> dict[str, Any]:
    current = key == str(gate.state) and gate.is_known
    tone = {GateState.HALTED: "fault", GateState.REDUCE_ONLY: "warn"}.get(gate.state, "") if current else ""
    return {
        "key": key,
        "name": name,
        "words": words,
        "number": "" if current else number,
        "current": current,
        "danger": key != "active",
        "tone": tone,
        "ask": ask,
        "does": does,
    }
