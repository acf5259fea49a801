"""What each deployment is doing, what it decided last and what it made today: the rows of a strategy table."""

from collections.abc import Iterable
from typing import Any

from django.db.models import Count
from django.urls import reverse

from alphapanda.dashboard.formats import iso, money_tone
from alphapanda.dashboard.panels.ages import read_now
from alphapanda.dashboard.panels.context import World
from alphapanda.dashboard.panels.live.net import as_text, panel_age
from alphapanda.dashboard.panels.naming import done_word, side_word, symbol_of
from alphapanda.dashboard.panels.results import Book, Books, total
from trading.models import Deployment, Evaluation, Order, Run, Signal
from trading.orders.life_cycle import DEPLOYMENT_LABELS, DeploymentState, SignalState

S = DeploymentState
LOOKS = {
    S.RUNNING: ("running", ""),
    S.WARMING: ("warming", ""),
    S.PAUSED: ("paused", "warn"),
    S.HALTED: ("halted", "fault"),
    S.STOPPED: ("stopped", ""),
}
SPARK_POINTS = 60
MODE_NOTES = {"live": "real money", "paper": "real prices, simulated fills", "practice": "the market is simulated"}


class Desk:
    """Everything the strategy panels read, each in one query."""

    def __init__(self, world: World, books: Books) -> None:
        self.world, self.books = world, books
        deployments = Deployment.objects.select_related("strategy", "account").prefetch_related("instruments")
        self.deployments = list(deployments)
        self.orders = dict(self._today(Order.objects.all()).values_list("deployment").annotate(n=Count("pk")))
        signals = self._today(Signal.objects.filter(deployment__isnull=False)).select_related("instrument")
        newest = signals.order_by("deployment_id", "-id").distinct("deployment_id")
        self.signals = {signal.deployment_id: signal for signal in newest}
        waits = Evaluation.objects.filter(at__gte=world.midnight).select_related("run", "instrument")
        latest = waits.order_by("run_id", "-at").distinct("run_id")
        self.waits = {wait.run.deployment_id: wait for wait in sorted(latest, key=lambda wait: wait.at)}
        self.runs = {run.deployment_id: run for run in Run.objects.filter(ended_at__isnull=True)}

    def _today(self, rows: Any) -> Any:
        return rows.filter(market_time__gte=self.world.midnight).order_by()


def strategies_panel(world: World, books: Books) -> dict[str, Any]:
    desk = Desk(world, books)
    groups = [group for account in world.accounts if (group := account_group(desk, account))["rows"]]
    return {
        "counts": running_words(desk.deployments),
        "age": read_now(world),
        "groups": groups,
        "empty": "" if groups else "No strategy is deployed. Admin puts one on an account.",
    }


def running_words(deployments: Iterable[Deployment]) -> str:
    states = [deployment.state for deployment in deployments]
    running = states.count(S.RUNNING)
    return f"{running} of {len(states)} running" if states else ""


def account_group(desk: Desk, account: Any) -> dict[str, Any]:
    mode = desk.world.mode_of(account)
    own = [deployment for deployment in desk.deployments if deployment.account_id == account.pk]
    books = [book for each in own if (book := desk.books.by_deployment.get(each.pk))]
    return {
        "key": str(account.pk),
        "mode": mode,
        "account": account.name,
        "mode_note": MODE_NOTES[mode],
        "note": f"{account.name}, {MODE_NOTES[mode]}",
        "net": as_text(total(books).net) if books else "0",
        "charges": as_text(total(books).charges) if books else "0",
        "orders": sum(desk.orders.get(each.pk, 0) for each in own),
        "age": panel_age(desk.world, books),
        "rows": [strategy_row(desk, each, mode) for each in own],
    }


def strategy_row(desk: Desk, deployment: Deployment, mode: str) -> dict[str, Any]:
    book = desk.books.by_deployment.get(deployment.pk)
    mark, tone = LOOKS[S(deployment.state)]
    at, words = last_decision(desk, deployment)
    net = as_text(book.result.net) if book else "0"
    return {
        "key": str(deployment.pk),
        "name": deployment.name,
        "mode": mode,
        "state": DEPLOYMENT_LABELS[S(deployment.state)],
        "mark": mark,
        "tone": tone,
        "decided_at": iso(at),
        "decision": words,
        "orders": desk.orders.get(deployment.pk, 0),
        "net": net,
        "net_tone": money_tone(net),
        "net_mark": money_tone(net) or "none",
        "spark": spark(book, net),
        "spark_tone": money_tone(net),
        "href": reverse("dashboard:deployment", args=[deployment.pk]),
        "age": panel_age(desk.world, [book] if book else []),
    }


def spark(book: Book | None, net: str | None) -> list[str]:
    if book is None or not book.points:
        return []
    step = max(1, len(book.points) // SPARK_POINTS)
    line = ["0", *(f"{value:f}" for _, value in book.points[::step])]
    return [*line, net] if net is not None else line


def last_decision(desk: Desk, deployment: Deployment) -> tuple[Any, str]:
    """The newer of the last signal and the last "no trade"; trouble speaks before both."""
    if deployment.state in (S.HALTED, S.PAUSED) and deployment.state_reason:
        return deployment.state_since, deployment.state_reason
    signal, wait = desk.signals.get(deployment.pk), desk.waits.get(deployment.pk)
    if signal and (not wait or signal.market_time >= wait.at):
        return signal.market_time, signal_words(signal)
    if wait:
        return wait.at, f"No trade: {symbol_of(wait.instrument)}, {wait.text}"
    return deployment.state_since, "No decision yet today" if deployment.state != S.STOPPED else "Not running"


def signal_words(signal: Signal) -> str:
    what = f"{signal.quantity} {symbol_of(signal.instrument)}"
    if signal.state == SignalState.ORDERED:
        verb = done_word(signal.side) if signal.kind == Signal.Kind.ENTER else "Exit, " + side_word(signal.side).lower()
        return f"{verb} {what}: {signal.reason}"
    if signal.state == SignalState.DENIED:
        why = signal.state_reason.partition(": ")[2] or signal.state_reason
        return f"Refused {side_word(signal.side).lower()} {what}: {why}"
    return f"{side_word(signal.side)} {what}: {signal.reason}"
