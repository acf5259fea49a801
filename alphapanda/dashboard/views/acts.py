"""What the pages can do. Each act calls one service and says in words what came of it."""

from collections.abc import Callable, Iterable
from typing import Any
from uuid import UUID

from django.contrib import messages
from django.core.exceptions import ValidationError
from django.http import Http404, HttpRequest, HttpResponse, JsonResponse
from django.shortcuts import get_object_or_404, redirect
from django.views.decorators.http import require_POST

from alphapanda.alerts import services as alerts
from alphapanda.alerts.models import Alert
from alphapanda.core import proof, roles
from alphapanda.core.figures import counted
from alphapanda.core.journal.models import DeadLetter
from alphapanda.core.journal.services import CannotDecide, drop_dead_letter, replay_dead_letter
from alphapanda.dashboard.forms import BacktestForm, OrderForm, given_parameters
from alphapanda.dashboard.panels.live.kill_switch import CANCEL_ALL, FLATTEN
from alphapanda.dashboard.panels.naming import order_words
from alphapanda.dashboard.panels.orders.ticket import reckon_ticket
from alphapanda.dashboard.views.asking import await_answers, await_price
from alphapanda.dashboard.views.page import refuse, signed_in
from alphapanda.dashboard.views.pages import deployment_page, lab_page, orders_page
from alphapanda.dashboard.views.people import came_from
from instruments.models import Instrument
from portfolio.models import Account, Position
from trading.errors import NotAllowed
from trading.exits.by_hand import ChoiceNeeded, place_by_hand
from trading.exits.opening import exit_and_stop, exit_deployment, exit_holding, flatten
from trading.lab.jobs import ask_backtest, cancel_backtest
from trading.lab.request import BadRequest
from trading.models import Backtest, Deployment, ExitPlan, Order, Signal
from trading.orders import arming, kill_switch
from trading.orders.life_cycle import GATE_LABELS, GateState, SignalState, Urgency
from trading.orders.requests import cancel_all, request_cancellation
from trading.orders.watching import ensure_watched
from trading.run import deployments
from trading.strategies.parameters import BadParameters

ACTS: dict[str, Callable[..., object]] = {
    "start": deployments.start_deployment,
    "stop": deployments.stop_deployment,
    "exit": exit_deployment,
    "exit-stop": exit_and_stop,
    "pause": deployments.pause_deployment,
    "resume": deployments.resume_deployment,
    "reload": deployments.reload_deployment,
}
DONE = {
    "exit": "leaves all it holds, and enters nothing more until it is resumed",
    "exit-stop": "stops when it is flat",
    "start": "is starting",
    "stop": "is stopped",
    "pause": "is paused; its exits stay managed",
    "resume": "resumes",
    "reload": "has its worker reloaded; it is back in a few seconds",
}
DECISIONS = {"replay": replay_dead_letter, "drop": drop_dead_letter}


def name_of(request: HttpRequest) -> str:
    return request.user.get_username()


@signed_in
@require_POST
def set_level(request: HttpRequest) -> HttpResponse:
    """One level of the kill switch. Opening the gate again is a level too."""
    level = request.POST.get("level", "")
    if level == FLATTEN:
        plans = flatten(None, by=name_of(request), reason=request.POST.get("reason", "")[:300])
        left = f"Leaving {counted(len(plans), 'position')}." if plans else "Nothing was held."
        messages.info(request, f"{left} Entries are taken back, and only exits pass.")
    elif level == CANCEL_ALL:
        asked = cancel_all(None, asked_by=name_of(request))
        messages.info(request, f"Asked to cancel {counted(asked, 'order')}." if asked else "Nothing was working.")
    elif level in GateState.__members__.values():
        set_gate(request, GateState(level))
    else:
        messages.error(
            request, f"There is no level {level!r}. Levels: active, reduce_only, halted, cancel_all, flatten."
        )
    return redirect(came_from(request))


def set_gate(request: HttpRequest, state: GateState) -> None:
    reason = request.POST.get("reason", "")[:300]
    try:
        only_stricter = not roles.may(request.user, roles.Right.EASE)
        on_their_way = kill_switch.set_level(None, state, name_of(request), reason, only_stricter=only_stricter)
    except kill_switch.OnlyFlagged as halted:
        messages.error(request, f"{halted}. Halt again when the database answers.")
        return
    words = f"{GATE_LABELS[state]}."
    if on_their_way and state != GateState.ACTIVE:
        listed = "; ".join(order_words(order) for order in on_their_way[:5])
        words += f" On their way and not stopped by it: {counted(len(on_their_way), 'order')} ({listed})."
    messages.info(request, words)


@signed_in
@require_POST
def arm_account(request: HttpRequest, account_id: UUID, act: str) -> HttpResponse:
    """Let a live account open new risk today, by whoever shows their second factor; or no more, by anybody."""
    account = get_object_or_404(Account, pk=account_id)
    if not roles.may_touch(request.user, account.pk):
        return refuse_account(request)
    if act == "disarm":
        was_armed = arming.disarm(account, name_of(request), "from the page")
        messages.info(request, f"{account.name} {'opens no new risk any more' if was_armed else 'was not armed'}.")
    elif act != "arm":
        raise Http404(f"An account is armed or disarmed, not {act}.")
    elif not proof.has_second_factor(request.user):
        messages.error(request, "To arm an account takes a second factor: turn one on here first.")
        return redirect("dashboard:you")
    elif not proof.second_is_fresh(request):
        return proof.ask_again(request, second=True)
    else:
        arm_in_words(request, account)
    return redirect(came_from(request))


def arm_in_words(request: HttpRequest, account: Account) -> None:
    try:
        arming.arm(account, name_of(request))
    except NotAllowed as refused:
        messages.error(request, f"{refused}.")
    else:
        messages.info(request, f"{account.name} is armed until the day ends.")


@signed_in
@require_POST
def act_on_deployment(request: HttpRequest, deployment_id: UUID, act: str) -> HttpResponse:
    chosen = get_object_or_404(
        Deployment.objects.select_related("strategy", "account", "shard__feed"), pk=deployment_id
    )
    if not roles.may_touch(request.user, chosen.account_id):
        return refuse_account(request)
    if act == "parameters":
        return change_parameters(request, chosen)
    if act not in ACTS:
        raise Http404(f"A strategy cannot be told to {act}.")
    try:
        ACTS[act](chosen, by=name_of(request))
    except (NotAllowed, ValidationError) as refused:
        messages.error(request, f"{chosen.name}: {words_of(refused)}.")
    else:
        messages.info(request, f"{chosen.name} {DONE[act]}.")
    return redirect(came_from(request))


def change_parameters(request: HttpRequest, chosen: Deployment) -> HttpResponse:
    given: dict[str, Any] = {}
    try:
        given = given_parameters(chosen.strategy.name, request.POST)
        deployments.change_parameters(chosen, given, by=name_of(request))
    except ValidationError as wrong:
        return deployment_page(request, chosen, given, wrong.message_dict)
    except NotAllowed as refused:
        messages.error(request, f"{refused}.")
    else:
        messages.info(request, f"{chosen.name} has new parameters. They hold from its next start.")
    return redirect("dashboard:deployment", chosen.pk)


@signed_in
@require_POST
def reckon_order(request: HttpRequest) -> HttpResponse:
    """What the ticket says of the order as it is filled in, as JSON; as a page it has its price watched as well."""
    form = OrderForm(request.POST)
    if request.headers.get("Accept", "").startswith("application/json"):
        return JsonResponse(reckon_ticket(*form.typed(), request.user))
    given, _ = form.typed()
    if "account" in given and "instrument" in given:
        if not roles.may_touch(request.user, given["account"]):
            return refuse_account(request)
        ensure_watched(given["account"], given["instrument"]) or await_price(given["instrument"])
    return orders_page(request, form)


@signed_in
@require_POST
def place_order(request: HttpRequest) -> HttpResponse:
    """Ask the gate for an order by hand: what it says comes with the order or the refusal."""
    form = OrderForm(request.POST)
    if not form.is_valid():
        return orders_page(request, form)
    if not roles.may_touch(request.user, form.cleaned_data["account"]):
        return refuse_account(request)
    instrument: Instrument = form.cleaned_data["instrument"]
    has_price = ensure_watched(form.cleaned_data["account"], instrument) or await_price(instrument)
    try:
        placed = place_by_hand(**form.asked(), by=name_of(request))
    except ChoiceNeeded as needed:
        form.offer_choices(needed)
        return orders_page(request, form)
    except (NotAllowed, ValidationError) as refused:
        form.add_error(None, words_of(refused))
        return orders_page(request, form)
    answers = await_answers(placed.signals)
    if denied := [signal for signal in answers if signal.state == SignalState.DENIED]:
        form.add_error(None, [line for signal in denied for line in refusal_lines(signal)])
        if not has_price:
            form.add_error(None, f"Nobody watched {instrument.key}: no price of it has come yet. Ask again soon.")
        return orders_page(request, form)
    messages.info(request, asked_words(answers, placed.exits))
    return redirect("dashboard:orders")


def refusal_lines(signal: Signal) -> list[str]:
    """Each rule that refused, with its numbers: whoever asks again should not meet them one by one."""
    checks = [check for check in signal.decision.checks if not check["passed"]]
    return [f"Refused by the gate. {check['code']}: {check['words']}." for check in checks]


def asked_words(signals: Iterable[Signal], exits: Iterable[ExitPlan]) -> str:
    parts = [f"{signal}: passed the gate" if signal.state == SignalState.ORDERED else str(signal) for signal in signals]
    waits = any(signal.state == SignalState.NEW for signal in signals)
    later = " It is judged in a moment; an order or a refusal follows." if waits else ""
    return f"Asked the gate: {'; '.join([*parts, *map(str, exits)])}.{later}"


@signed_in
@require_POST
def exit_position(request: HttpRequest, position_id: UUID) -> HttpResponse:
    """Leave one position at market, and more each time it is not taken, until it is flat."""
    chosen = get_object_or_404(Position.objects.select_related("portfolio__account", "instrument"), pk=position_id)
    if not roles.may_touch(request.user, chosen.portfolio.account_id):
        return refuse_account(request)
    who = name_of(request)
    try:
        plan = exit_holding(chosen, Urgency.NOW, f"exit by {who}", who)
    except NotAllowed as refused:
        messages.error(request, f"{chosen.instrument.tradingsymbol}: {refused}.")
    else:
        messages.info(request, f"Leaving {plan.instrument.tradingsymbol}: it is asked until it is flat.")
    return redirect(came_from(request))


@signed_in
@require_POST
def cancel_order(request: HttpRequest, order_id: UUID) -> HttpResponse:
    order = get_object_or_404(Order.objects.select_related("instrument", "account"), pk=order_id)
    if not roles.may_touch(request.user, order.account_id):
        return refuse_account(request)
    if order.is_exit and not roles.may(request.user, roles.Right.TRADE):
        return refuse(request, "This order leaves a position: your role does not let you take it back")
    try:
        request_cancellation(order, asked_by=name_of(request))
    except NotAllowed as refused:
        messages.error(request, f"{order_words(order)}: {refused}.")
    else:
        messages.info(request, f"Asked to cancel: {order_words(order)}. It is cancelled when its exchange says so.")
    return redirect(came_from(request))


@signed_in
@require_POST
def ask_for_backtest(request: HttpRequest) -> HttpResponse:
    form = BacktestForm(request.POST)
    if not form.is_valid():
        return lab_page(request, form)
    try:
        job = ask_backtest(form.request(), name_of(request))
    except BadRequest as bad:
        form.add_errors(bad.errors)
    except BadParameters as bad:
        form.add_parameter_errors(bad.errors)
    else:
        messages.info(request, f"{job.strategy} is in the lab's queue.")
        return redirect("dashboard:lab")
    return lab_page(request, form)


@signed_in
@require_POST
def cancel_backtest_asked(request: HttpRequest, backtest_id: UUID) -> HttpResponse:
    job = get_object_or_404(Backtest.objects.defer("result"), pk=backtest_id)
    try:
        cancel_backtest(job, name_of(request))
    except NotAllowed as refused:
        messages.error(request, f"{job.strategy}: {refused}.")
    else:
        messages.info(request, f"The backtest of {job.strategy} is cancelled.")
    return redirect("dashboard:lab")


@signed_in
@require_POST
def decide_dead_letter(request: HttpRequest, letter_id: UUID, act: str) -> HttpResponse:
    letter = get_object_or_404(DeadLetter, pk=letter_id)
    if act not in DECISIONS:
        raise Http404(f"A dead letter is replayed or dropped, not {act}.")
    try:
        DECISIONS[act](letter, by=name_of(request))
    except CannotDecide as refused:
        messages.error(request, f"{letter}: {refused}.")
    else:
        messages.info(request, f"{letter}: {'to be done again' if act == 'replay' else 'dropped'}.")
    return redirect("dashboard:system")


@signed_in
@require_POST
def acknowledge_alert(request: HttpRequest, alert_id: UUID) -> HttpResponse:
    alert = get_object_or_404(Alert, pk=alert_id)
    alerts.acknowledge(alert, name_of(request))
    messages.info(request, f"It is said no more while it lasts: {alert.words}")
    return redirect(came_from(request))


def refuse_account(request: HttpRequest) -> HttpResponse:
    return refuse(request, "This account is not yours")


def words_of(refused: Exception) -> str:
    return "; ".join(refused.messages) if isinstance(refused, ValidationError) else str(refused)
