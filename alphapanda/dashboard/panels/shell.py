"""The frame around every page: phase, clock, gate, who is reading, and what the palette can do."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import timedelta
from typing import Any, NotRequired, TypedDict

from django.urls import reverse

from alphapanda.core import roles
from alphapanda.core.figures import clock_minute, weekday_date
from alphapanda.dashboard.panels.context import Clock, PageContext
from instruments.domain.sessions import PhaseKind
from trading.models import Deployment
from trading.orders.life_cycle import DeploymentState, GateState
from trading.run.deployments import needs_reload

PHASE_WORDS = {
    PhaseKind.PRE_OPEN: "NSE pre-open",
    PhaseKind.CONTINUOUS: "NSE open",
    PhaseKind.AUCTION: "NSE closing auction",
    PhaseKind.POST_CLOSE: "NSE post-close",
}
PLACES = ("live", "strategies", "orders", "portfolio", "lab", "system")


class GateFacts(TypedDict):
    state: str
    closed: bool
    words: str


class CommonFacts(TypedDict):
    clock: Clock
    phase: PhaseWords
    gate: GateFacts
    mode: str | None


class PaletteCommand(TypedDict):
    """``href`` goes to a page; ``action`` sends ``fields``, after asking where ``asks`` says so."""

    words: str
    href: NotRequired[str]
    action: NotRequired[str]
    fields: NotRequired[dict[str, str]]
    asks: NotRequired[str]
    mode: NotRequired[str]


def common_facts(page: PageContext) -> CommonFacts:
    """What every snapshot carries, so that the frame stays current too."""
    gate = page.worst_gate
    return {
        "clock": page.clock(),
        "phase": phase_words(page),
        "gate": {
            "state": str(gate.state) if gate.is_known else "unknown",
            "closed": gate.state != GateState.ACTIVE,
            "words": gate_words(page),
        },
        "mode": "practice" if page.is_practice else None,
    }


def gate_words(page: PageContext) -> str:
    gate = page.worst_gate
    if not gate.is_known:
        return "Gate unknown, treated as halted"
    who = f" by {gate.by} at {clock_minute(gate.at)}" if gate.by and gate.at else f" by {gate.by}" if gate.by else ""
    return f"{gate.label}{who}" + (f": {gate.reason}" if gate.reason else "")


class PhaseWords(TypedDict):
    words: str
    until: str
    open: bool


def phase_words(page: PageContext) -> PhaseWords:
    """Return the market's phase and until when it lasts."""
    if not page.schedule.known:
        return {"words": "NSE day unknown", "until": ", treated as closed", "open": False}
    now = page.schedule.phase_at(page.now)
    if now is None:
        return {"words": "NSE closed", "until": f", {opens_again(page)}", "open": False}
    return {
        "words": PHASE_WORDS[now.kind],
        "until": f", to {clock_minute(now.closes_at)}",
        "open": now.kind == PhaseKind.CONTINUOUS,
    }


def opens_again(page: PageContext) -> str:
    opens = page.schedule.opens_at
    if opens and page.now < opens:
        return f"opens at {clock_minute(opens)}"
    if page.next_day is None or page.next_day.opens_at is None:
        return "next session unknown"
    soon = page.next_day.day - page.day <= timedelta(days=1)
    when = "tomorrow" if soon else weekday_date(page.next_day.opens_at)
    return f"opens {when} at {clock_minute(page.next_day.opens_at)}"


class Reader(TypedDict):
    name: str
    initials: str
    staff: bool


class ShellSnapshot(CommonFacts):
    user: Reader
    commands: list[PaletteCommand]


def shell_snapshot(user: Any, reach: roles.Reach, snapshot: CommonFacts) -> ShellSnapshot:
    """Return the frame for this reader around a page's snapshot."""
    name = user.get_full_name() or user.get_username()
    return {
        "clock": snapshot["clock"],
        "phase": snapshot["phase"],
        "gate": snapshot["gate"],
        "mode": snapshot["mode"],
        "user": {"name": name, "initials": initials_of(name), "staff": user.is_staff},
        "commands": list(palette_commands(snapshot["gate"]["state"], reach)),
    }


def initials_of(name: str) -> str:
    return "".join(word[0] for word in name.split()[:2]).upper() or "?"


def palette_commands(gate: str, reach: roles.Reach) -> Iterator[PaletteCommand]:
    for place in PLACES:
        yield {"words": f"Go to {place.title()}", "href": reverse(f"dashboard:{place}")}
    yield from gate_commands(gate, reach)
    page = PageContext()
    for deployment in Deployment.objects.select_related("account", "strategy", "shard__feed"):
        yield from deployment_commands(deployment, page.mode_of(deployment.account), reach)
    yield from own_commands()


def own_commands() -> Iterator[PaletteCommand]:
    """About the reader's screen and session; on a phone the palette is the only way to them."""
    for theme, words in (("auto", "as the machine"), ("dark", "dark"), ("light", "light")):
        yield {"words": f"Theme: {words}", "action": reverse("dashboard:theme"), "fields": {"theme": theme}}
    yield {"words": "Flight check: may trading begin?", "href": reverse("dashboard:flight")}
    yield {"words": "Hand over to Kite: what to leave there by hand", "href": reverse("dashboard:handover")}
    yield {"words": "Kite logins of the day", "href": reverse("dashboard:logins")}
    yield {"words": "You: password, second factor, sessions", "href": reverse("dashboard:you")}
    yield {"words": "Sign out", "action": reverse("dashboard:sign_out"), "fields": {}}


def gate_commands(gate: str, reach: roles.Reach) -> Iterator[PaletteCommand]:
    address = reverse("dashboard:gate")
    acts = {
        GateState.HALTED: ("Halt", "Every new order is refused. Exits still pass; fills and books go on."),
        GateState.REDUCE_ONLY: ("Reduce only", "Only orders that shrink a position pass."),
        GateState.ACTIVE: ("Resume: gate active", "Orders pass the risk rules again."),
    }
    for level, (words, asks) in acts.items():
        if level != gate and reach.meets(roles.needs("gate", level)):
            yield {"words": words, "action": address, "fields": {"level": level}, "asks": asks}


def deployment_commands(deployment: Deployment, mode: str, reach: roles.Reach) -> Iterator[PaletteCommand]:
    page = reverse("dashboard:deployment", args=[deployment.pk])
    yield {"words": f"Go to {deployment.name}", "href": page, "mode": mode}
    for act, (words, asks) in acts_of(deployment).items():
        action = reverse("dashboard:deployment_act", args=[deployment.pk, act])
        if not reach.meets(roles.needs("deployment_act", act, deployment.account_id)):
            continue
        yield {"words": f"{words} {deployment.name}", "action": action, "fields": {}, "mode": mode, "asks": asks}


def acts_of(deployment: Deployment) -> dict[str, tuple[str, str]]:
    """What may be done with a deployment now: act → its verb, and what it would do."""
    reload = {"reload": ("Reload worker", "Its worker reads all strategies anew. Runs whose code changed are paused.")}
    offered = reload if deployment.state != DeploymentState.RUNNING and needs_reload(deployment) else {}
    stop = {
        "exit": (
            "Exit",
            "It leaves all it holds, at market and more until flat, and enters nothing more until resumed.",
        ),
        "exit-stop": ("Exit and stop", "It leaves all it holds; its run ends when the last of it is flat."),
        "stop": ("Stop", "Its run ends. Refused while it holds a position or has an order out."),
    }
    if deployment.state == DeploymentState.STOPPED:
        return {"start": ("Start", "It warms up from history, then trades.")} | offered
    if deployment.state in (DeploymentState.PAUSED, DeploymentState.HALTED):
        return {"resume": ("Resume", "It may enter again.")} | stop | offered
    return {"pause": ("Pause", "No new entries. Its stops, targets and flat-by time are kept.")} | stop
