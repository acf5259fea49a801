"""How much of each limit is used, reserved and left, for the screens."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from decimal import Decimal

from alphapanda.core import figures
from trading.risk.inputs import Limits, Usage
from trading.risk.verdicts import Code, known_sum, share_of_limit

Number = Decimal | int
# From here on a limit is called near; the pages draw their line at it.
WARNING_SHARE = Decimal("0.8")


@dataclass(frozen=True, slots=True)
class Meter:
    """One limit. ``level`` is ok, near (from the warning line), full, unknown or unlimited."""

    code: Code
    scope: str
    title: str
    used: Decimal | None
    reserved: Decimal | None
    limit: Decimal | None
    left: Decimal | None
    used_share: Decimal | None  # of the limit; 1 is full
    reserved_share: Decimal | None
    level: str
    used_words: str
    limit_words: str
    left_words: str


def scope_meters(scope: str, usage: Usage, limits: Limits) -> Iterator[Meter]:
    """Yield the meters of one account or deployment; unknown stays unknown."""
    loss = None if usage.profit_today is None else max(Decimal(0), -usage.profit_today)
    loss_code = Code.LOSS_ACCOUNT if scope == "account" else Code.LOSS_DEPLOYMENT
    money, count = figures.money_words, figures.whole
    for code, title, used, reserved, limit, show in (
        (loss_code, "Daily loss", loss, 0, limits.max_daily_loss, money),
        (Code.MAX_GROSS, "Gross exposure", usage.gross, usage.reserved, limits.max_gross, money),
        (Code.MAX_NET, "Net exposure", *_net(usage), limits.max_net, money),
        (Code.OPEN_ORDERS, "Open orders", usage.open_orders, 0, limits.max_open_orders, count),
        (Code.ORDERS_MIN, "Orders this minute", usage.orders_this_minute, 0, limits.max_orders_per_minute, count),
        (Code.ORDERS_DAY, "Orders today", usage.orders_today, 0, limits.max_orders_per_day, count),
    ):
        yield _meter((code, scope, title), used, reserved, limit, show)


def _net(usage: Usage) -> tuple[Decimal | None, Decimal | None]:
    """Return the net's size, and how far orders still out could carry it either way."""
    up, down = known_sum(usage.net, usage.reserved_buys), known_sum(usage.reserved_sells)
    if up is None or down is None or usage.net is None:
        return (None if usage.net is None else abs(usage.net)), None
    return abs(usage.net), max(up, down - usage.net) - abs(usage.net)


def _meter(
    name: tuple[Code, str, str],
    used: Number | None,
    reserved: Number | None,
    limit: Number | None,
    show: Callable[[Number], str],
) -> Meter:
    taken, bound = known_sum(used, reserved), None if limit is None else Decimal(limit)
    left = None if taken is None or bound is None else bound - taken
    return Meter(
        *name,
        used=known_sum(used),
        reserved=known_sum(reserved),
        limit=bound,
        left=left,
        used_share=_share(known_sum(used), bound),
        reserved_share=_share(known_sum(reserved), bound),
        level=_level(taken, bound),
        used_words="unknown" if used is None else show(used),
        limit_words="no limit" if bound is None else show(bound),
        left_words=_left_words(left, bound, show),
    )


def _share(value: Decimal | None, bound: Decimal | None) -> Decimal | None:
    return None if value is None or bound is None else share_of_limit(value, bound)


def _level(taken: Decimal | None, bound: Decimal | None) -> str:
    if bound is None:
        return "unlimited"
    if taken is None:
        return "unknown"
    if taken >= bound:
        return "full"
    return "near" if taken >= bound * WARNING_SHARE else "ok"


def _left_words(left: Decimal | None, bound: Decimal | None, show: Callable[[Number], str]) -> str:
    if bound is None:
        return ""
    if left is None:
        return "unknown"
    return f"{show(left)} left" if left >= 0 else f"{show(-left)} over"
