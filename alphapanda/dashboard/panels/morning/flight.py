"""The check before a flight as a page: the answer first, then what is red, then what somebody should know."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TypedDict

from django.urls import reverse

from alphapanda.core.figures import counted
from alphapanda.dashboard.panels.ages import Age, read_now
from alphapanda.dashboard.panels.context import PageContext
from alphapanda.dashboard.panels.shell import CommonFacts, common_facts
from alphapanda.flight import CHECKS, Finding, Level, run_checks

LOOKS = {Level.RED: ("cross", "fault"), Level.WARN: ("warn", "warn"), Level.OK: ("tick", "")}
WORST_FIRST = (Level.RED, Level.WARN, Level.OK)
# Where each trouble is looked into, and what is done there.
NEXT = {
    "session": ("logins", "", "Log in at Kite"),
    "gates": ("live", "#kill-switch", "Look at the gates"),
    "orders": ("orders", "?state=working", "Look at the orders"),
    "books": ("portfolio", "", "Look at the books"),
    "dead letters": ("system", "#dead-letters", "Decide about them"),
}
ELSEWHERE = ("system", "", "Look at System")


class FindingRow(TypedDict):
    key: str
    words: str
    icon: str
    tone: str
    href: str
    link: str


class FlightVerdict(TypedDict):
    icon: str
    tone: str
    headline: str
    words: str


class FlightSnapshot(CommonFacts):
    age: Age
    is_whole: bool
    answer: FlightVerdict
    rows: list[FindingRow]


def flight_snapshot(*, is_whole: bool) -> FlightSnapshot:
    """Ask the checks; ``is_whole`` those too that ask workers and the broker, and take seconds."""
    page, found = PageContext(), run_checks(quick=not is_whole)
    return {
        **common_facts(page),
        "age": read_now(page),
        "is_whole": is_whole,
        "answer": flight_verdict(found, is_whole=is_whole),
        "rows": [finding_row(one) for level in WORST_FIRST for one in found if one.level == level],
    }


def flight_verdict(found: Sequence[Finding], *, is_whole: bool) -> FlightVerdict:
    """What was not asked keeps nobody from flying, and is said."""
    red = [one for one in found if one.level == Level.RED]
    warned = [one for one in found if one.level == Level.WARN]
    words = f"{counted(len(found), 'check')} asked" + ("." if is_whole else f"; not asked: {left_out_words()}.")
    if red:
        return verdict("cross", "fault", f"Not fit to fly: {', '.join(one.name for one in red)}", words)
    if warned:
        return verdict("warn", "warn", f"Fit to fly; know of {', '.join(one.name for one in warned)}", words)
    return verdict("tick", "", "Fit to fly", words)


def left_out_words() -> str:
    return " and ".join(", ".join(check.name for check in CHECKS if not check.quick).rsplit(", ", 1))


def verdict(icon: str, tone: str, headline: str, words: str) -> FlightVerdict:
    return {"icon": icon, "tone": tone, "headline": headline, "words": words}


def finding_row(found: Finding) -> FindingRow:
    icon, tone = LOOKS[found.level]
    place, part, link = NEXT.get(found.name, ELSEWHERE)
    is_fine = found.level == Level.OK
    return {
        "key": found.name,
        "words": found.words,
        "icon": icon,
        "tone": tone,
        "href": "" if is_fine else reverse(f"dashboard:{place}") + part,
        "link": "" if is_fine else link,
    }
