"""What came of a backtest, in figures a trader can check: net after charges, drawdown, worst days, months. Pure."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from datetime import date, datetime, timedelta
from decimal import Decimal
from typing import Any

from alphapanda.core.figures import counted, profit
from alphapanda.core.timezone import IST
from trading.lab.round_trips import RoundTrip, held_spans

ZERO = Decimal(0)
PAISA = Decimal("0.01")
WORST = 5
# Where making every undecided minute worse or better moves the net by more than this, candles cannot answer.
NEEDS_TICKS = Decimal("0.10")


@dataclass(frozen=True)
class DayEnd:
    """An account at the end of a day: its money, and what it held at the last prices known. Rupees.

    ``equity`` None: something held has no price. ``costs`` are of the day, by kind; ``unknown`` where a rate is.
    """

    day: date
    equity: Decimal | None
    costs: dict[str, Decimal]
    is_unknown: bool = False
    session: tuple[datetime, datetime] | None = None


@dataclass(frozen=True)
class Drawdown:
    """The deepest fall of equity from an earlier height; ``days`` from that height until it was reached again.

    ``days`` is None where it was not, until the end.
    """

    rupees: Decimal
    percent: Decimal
    since: date
    lowest_on: date
    days: int | None


@dataclass(frozen=True)
class PerTrade:
    """Of trades that are over, after charges, in rupees. None where there is none of the kind, or a charge is unknown.

    One that came to nothing is neither won nor lost. ``profit_factor``: all that was won over all that was lost.
    """

    win_percent: Decimal | None = None
    average_win: Decimal | None = None
    average_loss: Decimal | None = None
    profit_factor: Decimal | None = None


@dataclass(frozen=True)
class Figures:
    """``net`` None: something is not known, said in ``unknown``."""

    net: Decimal | None
    gross: Decimal | None
    charges: dict[str, Decimal]
    total_charges: Decimal | None
    trades: int
    winners: int
    open_trades: int
    per_trade: PerTrade
    exposure: Decimal | None
    drawdown: Drawdown | None
    worst_days: list[dict[str, Any]]
    by_month: dict[str, dict[int, Decimal]]
    equity: list[tuple[date, Decimal | None]]
    unknown: list[str] = field(default_factory=list)


def figures_of(capital: Decimal, days: Sequence[DayEnd], trips: Sequence[RoundTrip]) -> Figures:
    charges = defaultdict[str, Decimal](Decimal)
    for day in days:
        for kind, amount in day.costs.items():
            charges[kind] += amount
    unknown = _unknown(days)
    end = days[-1].equity if days else capital
    net = None if end is None or unknown else end - capital
    total = sum(charges.values(), ZERO)
    changes = daily_changes(capital, days)
    return Figures(
        net=net,
        gross=None if end is None else end - capital + total,
        charges=dict(charges),
        total_charges=None if any(day.is_unknown for day in days) else total,
        trades=sum(trip.exited_at is not None for trip in trips),
        winners=sum((trip.net or ZERO) > 0 for trip in trips),
        open_trades=sum(trip.exited_at is None for trip in trips),
        per_trade=per_trade(trips),
        exposure=exposure(days, trips),
        drawdown=deepest_fall(capital, days),
        worst_days=_worst(changes, trips),
        by_month=_by_month(changes),
        equity=[(day.day, day.equity) for day in days],
        unknown=unknown,
    )


def per_trade(trips: Iterable[RoundTrip]) -> PerTrade:
    nets = [trip.net for trip in trips if trip.exited_at is not None]
    known = [net for net in nets if net is not None]
    if not nets or len(known) < len(nets):
        return PerTrade()
    won, lost = [net for net in known if net > 0], [net for net in known if net < 0]
    return PerTrade(
        win_percent=(Decimal(len(won)) / len(known) * 100).quantize(PAISA),
        average_win=_mean(won),
        average_loss=_mean(lost),
        profit_factor=(sum(won, ZERO) / -sum(lost, ZERO)).quantize(PAISA) if lost else None,
    )


def _mean(nets: Sequence[Decimal]) -> Decimal | None:
    return (sum(nets, ZERO) / len(nets)).quantize(PAISA) if nets else None


def _unknown(days: Iterable[DayEnd]) -> list[str]:
    uncharged = [day.day for day in days if day.is_unknown]
    unpriced = [day.day for day in days if day.equity is None]
    words = []
    if uncharged:
        how_long = counted(len(uncharged), "day")
        words.append(f"charges unknown: no rate is on file for trades of {uncharged[0]} ({how_long})")
    if unpriced:
        words.append(f"no price of what was held on {unpriced[0]} ({counted(len(unpriced), 'day')})")
    return words


def daily_changes(capital: Decimal, days: Iterable[DayEnd]) -> dict[date, Decimal]:
    """Return by day what equity changed by; a day without a price counts into the next that has one."""
    before, found = capital, {}
    for day in days:
        if day.equity is not None:
            found[day.day] = day.equity - before
            before = day.equity
    return found


def deepest_fall(capital: Decimal, days: Iterable[DayEnd]) -> Drawdown | None:
    """Return the deepest fall, in rupees, of equity at the ends of days; None where it never fell."""
    known = [(day.day, day.equity) for day in days if day.equity is not None]
    if not known:
        return None
    height, height_on, deepest = capital, known[0][0], None
    for day, equity in known:
        if equity >= height:
            height, height_on = equity, day
        elif deepest is None or height - equity > deepest[0]:
            deepest = height - equity, height, height_on, day
    if deepest is None:
        return None
    fall, from_height, since, lowest_on = deepest
    again = next((day for day, equity in known if day > lowest_on and equity >= from_height), None)
    days_to_recover = (again - since).days if again else None
    return Drawdown(fall, (fall / from_height * 100).quantize(PAISA), since, lowest_on, days_to_recover)


def exposure(days: Iterable[DayEnd], trips: Iterable[RoundTrip]) -> Decimal | None:
    """Return which share of the sessions' time something was held in; None without a session."""
    sessions = [day.session for day in days if day.session is not None]
    whole = sum(((closes - opens) for opens, closes in sessions), timedelta())
    if not whole:
        return None
    spans = _merged(held_spans(trips, sessions[-1][1]))
    held, nth = timedelta(), 0
    for opens, closes in sessions:
        while nth < len(spans) and spans[nth][1] <= opens:
            nth += 1
        for begins, ends in spans[nth:]:
            if begins >= closes:
                break
            held += min(ends, closes) - max(begins, opens)
    return (Decimal(held / whole) * 100).quantize(PAISA)


def _merged(spans: Iterable[tuple[datetime, datetime]]) -> list[tuple[datetime, datetime]]:
    merged: list[tuple[datetime, datetime]] = []
    for begins, ends in sorted(spans):
        if merged and begins <= merged[-1][1]:
            merged[-1] = merged[-1][0], max(ends, merged[-1][1])
        else:
            merged.append((begins, ends))
    return merged


def _worst(changes: dict[date, Decimal], trips: Iterable[RoundTrip]) -> list[dict[str, Any]]:
    """The days that lost most, each with the trade that lost most on it, in its own words."""
    ended: dict[date, list[RoundTrip]] = defaultdict(list)
    for trip in trips:
        if trip.exited_at is not None and trip.gross is not None:
            ended[trip.exited_at.astimezone(IST).date()].append(trip)
    lost = sorted((change, day) for day, change in changes.items() if change < 0)
    return [{"day": day, "net": change, "reason": _why(ended[day])} for change, day in lost[:WORST]]


def _why(trips: list[RoundTrip]) -> str:
    if not trips:
        return "what was held over the day fell"
    worst = min(trips, key=lambda trip: trip.net if trip.net is not None else trip.gross or ZERO)
    lost = worst.net if worst.net is not None else worst.gross
    what = f"{worst.side} {abs(worst.quantity)} {worst.instrument}"
    return f"{what}: {worst.exit_reason} ({profit(lost)}); {counted(len(trips), 'trade')}"


def _by_month(changes: dict[date, Decimal]) -> dict[str, dict[int, Decimal]]:
    table: dict[str, dict[int, Decimal]] = defaultdict(dict)
    for day, change in changes.items():
        table[f"{day:%Y-%m}"][day.day] = change
    return dict(table)


def needs_ticks(worse: Decimal | None, better: Decimal | None) -> str:
    """Say whether what minutes do not tell decides the result; empty where it does not."""
    if worse is None or better is None or worse == better:
        return ""
    larger = max(abs(worse), abs(better))
    if abs(better - worse) <= NEEDS_TICKS * larger:
        return ""
    return (
        f"needs ticks: where a minute reached stop and target both, the net is {worse:.2f} with the worse of them first"
        f" and {better:.2f} with the better"
    )
