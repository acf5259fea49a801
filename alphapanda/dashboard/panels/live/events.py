"""What was refused, and what happened: the newest first, each in a sentence."""

from __future__ import annotations

from collections.abc import Callable
from datetime import date, datetime
from typing import TypedDict

from django.urls import reverse

from alphapanda.core.figures import clock_time, exact, iso, plain, profit, signed_whole
from alphapanda.core.journal.models import Event
from alphapanda.core.timezone import day_of
from alphapanda.dashboard.panels.ages import Age, read_now
from alphapanda.dashboard.panels.context import PageContext
from alphapanda.dashboard.panels.naming import done_word, order_words, story_of, symbol_of
from alphapanda.dashboard.panels.orders.refusals import code_and_words, in_kinds, times_words
from alphapanda.dashboard.panels.orders.story_rows import BESIDE
from alphapanda.dashboard.panels.orders.story_steps import beside_words
from trading.models import Deployment, Order, Signal
from trading.orders.life_cycle import DeploymentState, GateState, OrderState, SignalState

SHOWN_REFUSALS, SHOWN_EVENTS = 8, 14
MOST_REFUSALS = 200  # looked at to find those of one kind
# Steps every order takes are in its story; here stands what a person would want to have seen.
QUIET = (
    "order.created",
    "order.unconfirmed",
    "order.submitted",
    "order.modify_requested",
    "signal.ordered",
    "signal.new",
    "trade.booked",
)


class RefusedPanel(TypedDict):
    counts: str
    age: Age
    rows: list[RefusalRow]
    empty: str


def refused_panel(page: PageContext) -> RefusedPanel:
    denied = Signal.objects.filter(state=SignalState.DENIED, market_time__gte=page.midnight)
    latest = denied.select_related("instrument", "deployment").order_by("-id")[:MOST_REFUSALS]
    rows = [refusal_row(alike) for alike in in_kinds(latest)][:SHOWN_REFUSALS]
    empty = "" if rows else "Nothing was refused today."
    return {"counts": str(denied.count()), "age": read_now(page), "rows": rows, "empty": empty}


class RefusalRow(TypedDict):
    key: str
    at: str | None
    name: str
    code: str
    times: str
    words: str
    title: str


def refusal_row(alike: list[Signal]) -> RefusalRow:
    """The newest of its kind, and how often in a row."""
    signal = alike[0]
    code, words = code_and_words(signal)
    return {
        "key": str(alike[-1].pk),
        "at": iso(signal.market_time),
        "name": symbol_of(signal.instrument),
        "code": code,
        "times": times_words(len(alike)),
        "words": words,
        "title": f"{signal.deployment or 'by hand'} wanted: {signal}",
    }


class EventsPanel(TypedDict):
    age: Age
    rows: list[EventRow]
    empty: str


def events_panel(page: PageContext) -> EventsPanel:
    events = list(Event.objects.exclude(kind__in=QUIET).order_by("-written_at")[:SHOWN_EVENTS])
    orders, names = orders_of(events), deployments_of(events)
    rows = [event_row(page, event, orders, names) for event in events]
    return {"age": read_now(page), "rows": rows, "empty": "" if rows else "Nothing has happened yet."}


def orders_of(events: list[Event]) -> dict[str, Order]:
    tags = [event.key for event in events if event.kind.startswith("order.")]
    return {order.tag: order for order in Order.objects.filter(tag__in=tags).select_related("instrument", "account")}


def deployments_of(events: list[Event]) -> dict[str, str]:
    ids = [event.key for event in events if event.kind.startswith("deployment.")]
    return {str(pk): name for pk, name in Deployment.objects.filter(pk__in=ids).values_list("pk", "name")}


class EventRow(TypedDict):
    key: str
    when: str
    icon: str
    tone: str
    words: str
    href: str | None


def event_row(page: PageContext, event: Event, orders: dict[str, Order], names: dict[str, str]) -> EventRow:
    order, name = orders.get(event.key), names.get(event.key)
    icon, tone, words = deployment_sentence(event, name) if name else event_sentence(event, order)
    return {
        "key": str(event.pk),
        "when": when_words(event.market_time, page.day),
        "icon": icon,
        "tone": tone,
        "words": words,
        "href": story_of(order) if order else reverse("dashboard:deployment", args=[event.key]) if name else None,
    }


def when_words(at: datetime, today: date) -> str:
    """The time of day; of another day, the day: half past nine of yesterday is not news."""
    day = day_of(at)
    return clock_time(at) if day == today else f"{day.day} {day:%b}"


Sentence = tuple[str, str, str]


def event_sentence(event: Event, order: Order | None) -> Sentence:
    """Return the icon, its tone and the sentence of an event; an unknown kind is told as it was written."""
    if order is not None:
        return order_sentence(event, order)
    if event.kind in PLAIN:
        icon, tone, words = PLAIN[event.kind]
        return icon, tone, words.format(key=event.key, **event.payload)
    teller = SENTENCES.get(event.kind.partition(".")[0])
    return teller(event) if teller else ("live", "quiet", f"{event.kind.replace('.', ' ').capitalize()}: {event.key}")


def order_sentence(event: Event, order: Order) -> Sentence:
    words, reason = order_words(order), str(event.payload.get("reason") or event.payload.get("words", ""))
    state = event.kind.partition(".")[2]
    if state == OrderState.FILLED:
        what = f"{done_word(order.side)} {order.quantity} {symbol_of(order.instrument)}"
        return "tick", "", f"{what} at {plain(order.average_price)}"
    icons: dict[str, tuple[str, str]] = {
        OrderState.REJECTED: ("cross", "fault"),
        OrderState.NEEDS_HUMAN: ("warn", "warn"),
        OrderState.OPEN: ("working", "ours"),
        OrderState.TRIGGER_PENDING: ("working", "ours"),
    }
    if event.kind in BESIDE:
        icon, tone, title, line = beside_words(event.kind, event.payload)
        return icon, tone, f"{words}: {title[:1].lower()}{title[1:]}" + (f". {line[:-1]}" if line else "")
    icon, tone = icons.get(state, ("bar", ""))
    told = f"{words} {state.replace('_', ' ')}"
    return icon, tone, told if not reason or icon == "working" else f"{told}: {reason}"


def signal_sentence(event: Event) -> Sentence:
    """Refused: sell 105 RELIANCE, MAX_GROSS. The numbers stand in the list of refusals."""
    state, reason = event.kind.partition(".")[2], str(event.payload.get("reason", ""))
    what = str(event.payload.get("signal", "signal")).partition(": ")[2] or "signal"
    if state == SignalState.DENIED:
        return "struck", "", f"Refused: {what}, {reason.partition(':')[0]}"
    verbs: dict[str, tuple[str, str]] = {
        SignalState.EXPIRED: ("bar", "Too old"),
        SignalState.FAILED: ("cross", "Failed"),
    }
    icon, verb = verbs.get(state, ("signal", state.capitalize()))
    return icon, "fault" if state == SignalState.FAILED else "", f"{verb}: {what}, {reason}"


def exit_sentence(event: Event) -> Sentence:
    """Leaving INFY: stop 1,484.00 touched; INFY left."""
    name, said = str(event.payload.get("instrument", event.key)), event.payload
    words, reason = said.get("words", ""), said.get("reason", "")
    by = f", by {said['by']}" if said.get("by") else ""
    sentences: dict[str, Sentence] = {
        "opened": ("signal", "ours", f"Leaving {name}: {reason}"),
        "escalated": ("signal", "ours", f"Leaving {name} more urgently: {reason}"),
        "withdrawn": ("bar", "", f"Stays in {name}: the exit was taken back{by}"),
        "needs_person": ("warn", "warn", f"The exit of {name} needs you: {words}"),
        "finished": ("tick", "", f"The exit of {name} is over: {words}"),
    }
    return sentences[event.kind.partition(".")[2]]


def gate_sentence(event: Event) -> Sentence:
    state = str(event.payload.get("to", ""))
    icons: dict[str, tuple[str, str]] = {
        GateState.HALTED: ("halted", "fault"),
        GateState.REDUCE_ONLY: ("stale", "warn"),
    }
    icon, tone = icons.get(state, ("live", ""))
    reason = event.payload.get("reason")
    words = f"Gate {state.replace('_', ' ')}, by {event.payload.get('by', 'unknown')}"
    return icon, tone, f"{words}: {reason}" if reason else words


def deployment_sentence(event: Event, name: str) -> Sentence:
    state, reason = event.kind.partition(".")[2], event.payload.get("reason")
    icons: dict[str, tuple[str, str]] = {
        DeploymentState.RUNNING: ("running", ""),
        DeploymentState.WARMING: ("warming", ""),
        DeploymentState.PAUSED: ("paused", "warn"),
        DeploymentState.HALTED: ("halted", "fault"),
        DeploymentState.STOPPED: ("stopped", ""),
    }
    icon, tone = icons.get(state, ("live", "quiet"))
    if state == "parameters":
        return "tick", "", f"{name}: parameters changed by {event.payload.get('by', 'unknown')}"
    return icon, tone, f"{name} {state}" + (f": {reason}" if reason else "")


def position_sentence(event: Event) -> Sentence:
    """What became of a position without an order of ours."""
    said = event.payload
    if event.kind == "position.adjusted":
        return "tick", "", f"{event.key} is {said['ratio']}: {said['from']} held became {said['to']}"
    value, final = plain(exact(said["value"])), plain(exact(said["final_price"]))
    held = signed_whole(int(said["closed"]))
    return "tick", "", f"Expired: {held} {event.key} at {value}, the underlying at {final}"


def trade_sentence(event: Event) -> Sentence:
    """A trade that no order of ours made, and whose holding it changed."""
    said = event.payload
    verb = "bought" if said["signed_quantity"] > 0 else "sold"
    what = f"{verb} {abs(said['signed_quantity'])} {event.key} {said['product']} at {plain(exact(said['price']))}"
    return "warn", "", f"Traded outside: {what}; {', '.join(said['moved'])}"


def money_sentence(event: Event) -> Sentence:
    return "tick", "", f"Money moved in {event.key}: {profit(event.payload['amount'])}"


def dead_letter_sentence(event: Event) -> Sentence:
    state, task = event.kind.partition(".")[2], event.payload.get("task", "work")
    words = f"Given up after three attempts: {task}" if state == "opened" else f"{task} {state}"
    return ("warn", "warn", words) if state == "opened" else ("tick", "", words)


PLAIN: dict[str, Sentence] = {
    "instrument.renamed": ("tick", "", "{from} is {to} now, said {by}"),
    "account.opened": ("tick", "", "Account {key} opened"),
    "books.differ": ("warn", "warn", "Books of {key} differed in {count} places and were made anew from the trades"),
    "calendar.loaded": ("tick", "", "Calendar loaded until {key}"),
    "corporate_actions.loaded": ("tick", "", "Corporate actions loaded: {new} new, {changed} changed"),
    "limits.changed": ("tick", "", "Limits of {of} changed by {by}"),
    "person.signed_in": ("tick", "", "{by} signed in from {address}"),
    "person.signed_out": ("bar", "", "{by} signed out, at {address}"),
    "person.refused": ("cross", "warn", "A sign-in as {by} from {address} was refused"),
    "person.wrong_code": ("cross", "warn", "A wrong code was given as {by} from {address}"),
    "person.factor_added": ("tick", "", "{by} has a second factor more: {what}"),
    "person.factor_removed": ("bar", "warn", "{by} has a second factor less: {what}"),
    "person.password_changed": ("tick", "", "{by} has a new password"),
    "person.session_ended": ("bar", "", "{by} ended {what}"),
    "alert.said": ("warn", "warn", "Told: {words}"),
    "alert.acknowledged": ("tick", "", "{by} knows: {words}"),
    "token.made": ("tick", "", "API token {name} made by {by}"),
    "token.revoked": ("bar", "", "API token {name} revoked by {by}"),
    "token.ended": ("bar", "", "API token {name} of {by} ended: {why}"),
    "backtest.asked": ("loading", "", "Backtest of {backtest}, by {by}"),
    "backtest.cancelled": ("struck", "", "Backtest of {backtest} cancelled by {by}"),
    "backtest.done": ("tick", "", "Backtest of {backtest} is done"),
    "backtest.failed": ("cross", "warn", "Backtest of {backtest} failed: {error}"),
    "worker.reloaded": ("live", "", "The worker of {shard} reads its strategies anew, asked by {by}"),
    "shard.caught_up": ("stale", "warn", "{key} stood still: {words}"),
    "feed.gap": ("stale", "warn", "Feed {key}: {words}"),
    "instruments.loaded": ("tick", "", "Instruments loaded"),
    "instruments.refused": ("cross", "fault", "Instruments not loaded: {problems[0]}"),
    "tables.pruned": ("tick", "", "Pruned: {rows} rows past their time"),
    "account.armed": ("live", "", "{key} is armed for the day by {by}"),
    "account.disarmed": ("bar", "", "{key} opens no new risk any more, said {by}"),
    "broker.stopped": ("cross", "fault", "The broker of {key} takes no new orders: {reason}"),
    "broker.lifted": ("tick", "", "Orders of {key} may go again, said {by}"),
    "broker.differs": (
        "warn",
        "fault",
        "{key}: {ours} in our books, {theirs} at the broker. Nothing new is opened in it",
    ),
    "broker.exits_allowed": ("warn", "warn", "{key}: {ours} here, {theirs} there; {by} lets exits pass"),
    "broker.cancel_requested": ("bar", "", "Asked to cancel what is not ours: {what}, by {by}"),
    "broker.agrees": ("tick", "", "{key}: {ours} in our books and at the broker again"),
    "session.opened": ("tick", "", "Logged in at the broker"),
    "session.refused": ("cross", "warn", "The login was not taken: {reason}"),
    "session.ended": ("bar", "", "Broker session ended: {reason}"),
}
SENTENCES: dict[str, Callable[[Event], Sentence]] = {
    "exit": exit_sentence,
    "position": position_sentence,
    "trade": trade_sentence,
    "signal": signal_sentence,
    "money": money_sentence,
    "gate": gate_sentence,
    "dead_letter": dead_letter_sentence,
}
