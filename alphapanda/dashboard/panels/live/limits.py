"""How much of each limit of the first account is used, reserved and left."""

from __future__ import annotations

from decimal import Decimal
from typing import TypedDict

from alphapanda.core.figures import plain, short, short_rupees
from alphapanda.dashboard.panels.ages import Age, read_now
from alphapanda.dashboard.panels.context import PageContext
from alphapanda.dashboard.panels.live.net import main_account
from trading.risk.account_meters import account_meters
from trading.risk.meters import Meter

LOOKS = {"ok": ("", "none"), "near": ("warn", "warn"), "full": ("fault", "halted"), "unknown": ("unknown", "unknown")}
MONEY = frozenset({"LOSS_ACCOUNT", "LOSS_DEPLOYMENT", "MAX_GROSS", "MAX_NET"})


class LimitsPanel(TypedDict):
    whose: str
    age: Age
    rows: list[MeterRow]
    empty: str


def limits_panel(page: PageContext) -> LimitsPanel:
    """The first account's meters, as the gate counts them."""
    account = main_account(page)
    meters = account_meters(account, page.now) if account else []
    rows = [meter_row(meter) for meter in meters if meter.level != "unlimited"]
    return {
        "whose": account.name if account else "",
        "age": read_now(page),
        "rows": rows,
        "empty": "" if rows else "No limit is set: only the exchange's own rules apply.",
    }


class MeterRow(TypedDict):
    key: str
    name: str
    used: str
    left: str
    ratio: str | None
    reserved_ratio: str | None
    tone: str
    icon: str
    title: str
    spoken: str


def meter_row(meter: Meter) -> MeterRow:
    tone, icon = LOOKS[meter.level]
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
        "icon": icon,
        "title": f"{meter.title}: {plain(meter.used)} of {plain(meter.limit)}",
        "spoken": f"{meter.used_words} of {meter.limit_words}, {meter.left_words}",
    }


def used_words(meter: Meter, *, money: bool) -> str:
    if meter.used is None or meter.limit is None:
        return f"of {limit_words(meter.limit, money=money)}"
    return f"{limit_words(meter.used, money=money)} of {limit_words(meter.limit, money=money)}"


def left_words(meter: Meter, *, money: bool) -> str:
    if meter.left is None:
        return "unknown"
    size = short_rupees(abs(meter.left)) if money else plain(abs(meter.left), 0)
    return f"{size} {'left' if meter.left >= 0 else 'over'}"


def limit_words(value: Decimal | None, *, money: bool) -> str:
    return short(value) if money else plain(value, 0)
