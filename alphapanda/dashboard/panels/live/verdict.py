"""The one sentence that says whether all is right, worst thing first. Pure: facts in, words out."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import TypedDict


@dataclass(frozen=True)
class Line:
    text: str
    href: str | None = None
    link: str = ""


@dataclass(frozen=True)
class Finding:
    """One thing to say: a headline if it is the worst, its lines if it is among the worst two.

    ``key`` names its kind, and stays the same while its words change.
    """

    key: str
    tone: str  # "", warn, fault
    icon: str  # right, warn, wrong, halted, shut
    headline: str
    lines: tuple[Line, ...] = ()


@dataclass(frozen=True)
class Facts:
    """What the verdict is made from. Words are ready; None is "not so"."""

    halted: str | None = None
    halted_note: str = ""
    no_prices_for: str | None = None
    stuck_shards: tuple[tuple[str, str], ...] = ()  # name, and what was raised
    open_positions: int = 0
    stopped_brokers: tuple[Line, ...] = ()
    differing_books: tuple[str, ...] = ()  # what differs, with both numbers
    unconfirmed: tuple[Line, ...] = ()
    needs_person: tuple[Line, ...] = ()
    exits_stuck: tuple[Line, ...] = ()
    kept_intraday: tuple[str, ...] = ()  # by hand, its owner wants no square-off, and the close is near
    trades_awaited: tuple[Line, ...] = ()
    overfilled: tuple[Line, ...] = ()
    renames: tuple[Line, ...] = ()  # of what is held or deployed, and nobody has answered yet
    to_leave: tuple[Line, ...] = ()  # derivatives on shares that expire in days
    without_price: tuple[Line, ...] = ()  # expired, and nobody has told the final price
    full_limits: tuple[tuple[str, str], ...] = ()  # name, and what is used and left
    stale_prices: tuple[str, ...] = ()
    near_limits: tuple[tuple[str, str], ...] = ()
    trouble: tuple[Line, ...] = ()
    dead_letters: int = 0
    silent_processes: tuple[str, ...] = ()  # name, and for how long
    running: int = 0
    closed: str | None = None
    reduce_only: str | None = None
    positions_words: str = ""
    net_words: str = ""


class Verdict(TypedDict):
    tone: str
    icon: str
    headline: str
    lines: list[dict[str, str | None]]


def make_verdict(facts: Facts) -> Verdict:
    """Return the worst finding as the headline and the next one as the second line."""
    found = list(list_findings(facts))
    worst = found[0] if found else calm_finding(facts)
    lines = [*worst.lines, *(Line(next_.headline, *_link(next_)) for next_ in found[1:2])][:2]
    return {
        "tone": worst.tone,
        "icon": worst.icon,
        "headline": worst.headline,
        "lines": [
            {"key": str(n), "text": line.text, "href": line.href, "link": line.link} for n, line in enumerate(lines)
        ],
    }


def _link(finding: Finding) -> tuple[str | None, str]:
    first = finding.lines[0] if finding.lines else Line("")
    return first.href, first.link


def list_findings(facts: Facts) -> Iterator[Finding]:
    """Everything that is not right, in the order of severity."""
    yield from _gate_and_prices(facts)
    yield from _exits(facts)
    yield from _orders(facts)
    yield from _limits_and_ages(facts)
    if facts.trouble:
        count = len(facts.trouble)
        words = "One strategy needs a look." if count == 1 else f"{count} strategies need a look."
        yield Finding("trouble", "warn", "warn", words, facts.trouble[:1])


def _gate_and_prices(facts: Facts) -> Iterator[Finding]:
    if facts.halted:
        yield Finding(
            "halted", "fault", "halted", facts.halted, (Line(facts.halted_note, "/#kill-switch", "Kill switch"),)
        )
    if facts.no_prices_for:
        holding = f"{count_words(facts.open_positions, 'position')} open. " if facts.open_positions else ""
        words = f"{holding}Exits work; new risk is refused until prices return."
        yield Finding(
            "no_prices", "fault", "wrong", f"Not trading: no prices for {facts.no_prices_for}.", (Line(words),)
        )
    if facts.stuck_shards:
        name, raised = facts.stuck_shards[0]
        words = f"No stop of its strategies is watched. {raised}."
        yield Finding(
            "stuck_shards", "fault", "wrong", f"Not trading: {name} cannot go on.", (Line(words, "/system/", "System"),)
        )
    if facts.stopped_brokers:
        yield Finding("stopped_brokers", "fault", "wrong", "A broker takes no new orders.", facts.stopped_brokers)
    if facts.differing_books:
        words = (
            f"{'; '.join(facts.differing_books)}. Nothing new is opened in it; exits go as far as both agree, "
            "further only by allow_exits."
        )
        yield Finding("differing_books", "fault", "wrong", "Our books and the broker's differ.", (Line(words),))
    if facts.reduce_only:
        yield Finding(
            "reduce_only", "warn", "warn", facts.reduce_only, (Line("Only orders that shrink a position pass."),)
        )


def _exits(facts: Facts) -> Iterator[Finding]:
    if facts.exits_stuck:
        number = count_words(len(facts.exits_stuck), "exit")
        yield Finding(
            "exits_stuck",
            "fault",
            "wrong",
            f"{number} need{'s' if number.startswith('1 ') else ''} you.",
            facts.exits_stuck,
        )
    if facts.trades_awaited:
        line = facts.trades_awaited
        yield Finding("trades_awaited", "fault", "wrong", "Trades are missing from our books.", line)
    if facts.overfilled:
        yield Finding("overfilled", "warn", "warn", "More was filled than was ordered.", facts.overfilled)
    if facts.kept_intraday:
        words = f"{', '.join(facts.kept_intraday)}: intraday by hand, and its account is not squared off by us."
        yield Finding(
            "kept_intraday",
            "warn",
            "warn",
            "Your broker will square off soon.",
            (Line(words, "/portfolio/", "Portfolio"),),
        )


def _orders(facts: Facts) -> Iterator[Finding]:
    if facts.needs_person:
        number = count_words(len(facts.needs_person), "order")
        yield Finding(
            "needs_person",
            "warn",
            "warn",
            f"{number} need{'s' if number.startswith('1 ') else ''} you.",
            facts.needs_person,
        )
    if facts.unconfirmed:
        number = "one order" if len(facts.unconfirmed) == 1 else f"{len(facts.unconfirmed)} orders"
        yield Finding("unconfirmed", "warn", "warn", f"All right, except {number}.", facts.unconfirmed)
    if facts.renames:
        words = "Was it renamed?" if len(facts.renames) == 1 else f"{len(facts.renames)} questions about renames."
        yield Finding("renames", "warn", "warn", words, facts.renames)
    yield from _expiring(facts)
    if facts.silent_processes:
        words = f"{count_words(len(facts.silent_processes), 'process', 'processes')} not heard."
        line = Line(f"{facts.silent_processes[0]}. Its work waits until it runs again.", "/system/", "System")
        yield Finding("silent_processes", "warn", "warn", words, (line,))
    if facts.dead_letters:
        words = f"{count_words(facts.dead_letters, 'piece')} of work was given up after three attempts."
        line = Line("Each can be replayed or dropped.", "/system/#dead-letters", "See them")
        yield Finding("dead_letters", "warn", "warn", words, (line,))


def _expiring(facts: Facts) -> Iterator[Finding]:
    if facts.to_leave:
        what = count_words(len(facts.to_leave), "position must", "positions must")
        yield Finding("to_leave", "warn", "warn", f"{what} be left before expiry.", facts.to_leave)
    if facts.without_price:
        what = count_words(len(facts.without_price), "expired position waits", "expired positions wait")
        yield Finding("without_price", "warn", "warn", f"{what} for the final price.", facts.without_price)


def _limits_and_ages(facts: Facts) -> Iterator[Finding]:
    if facts.full_limits:
        name, used = facts.full_limits[0]
        yield Finding(
            "full_limits",
            "warn",
            "warn",
            f"{name} is at its limit.",
            (Line(f"{used}. Orders that need more are refused."),),
        )
    if facts.stale_prices:
        names = ", ".join(facts.stale_prices[:3]) + (" and others" if len(facts.stale_prices) > 3 else "")
        yield Finding(
            "stale_prices", "warn", "warn", f"Prices are old: {names}.", (Line("New risk on them is refused."),)
        )
    if facts.near_limits:
        name, used = facts.near_limits[0]
        yield Finding("near_limits", "warn", "warn", f"{name} is near its limit.", (Line(f"{used}."),))


def calm_finding(facts: Facts) -> Finding:
    """Nothing is wrong: trading, or closed."""
    if facts.closed:
        lines = " ".join(filter(None, (f"{facts.closed}.", facts.positions_words, facts.net_words)))
        return Finding("closed", "", "shut", "Market closed.", (Line(lines),))
    running = (
        f"{count_words(facts.running, 'strategy', 'strategies')} running." if facts.running else "No strategy runs."
    )
    return Finding("right", "", "right", "All right.", (Line(f"Feed live, gate active, {running}"),))


def count_words(number: int, one: str, many: str = "") -> str:
    return f"{number} {one if number == 1 else many or one + 's'}"
