"""The pages. Each reads its snapshot and shows it."""

import csv
import json
import re
from io import StringIO
from typing import Any
from uuid import UUID

from django.http import Http404, HttpRequest, HttpResponse, JsonResponse
from django.shortcuts import get_object_or_404
from django.views.decorators.http import require_safe

from alphapanda.dashboard import panels
from alphapanda.dashboard.forms import BacktestForm, OrderForm, other_problems, parameter_fields
from alphapanda.dashboard.panels.finding import find_commands
from alphapanda.dashboard.panels.lab.again import form_values
from alphapanda.dashboard.views.page import render_page, signed_in
from trading.lab.tables import TABLES
from trading.models import Backtest, Deployment, Order
from trading.orders.life_cycle import DeploymentState
from trading.run.hosts import UnknownStrategy

LONGEST_WORDS = 80
SHOWN = re.compile("[1-9][0-9]{0,5}")
TICKET = ("side", "quantity", "instrument")  # as the palette fills it in
FILTERS = ("day", "state", "strategy", "q", "before")


@signed_in
@require_safe
def show_live(request: HttpRequest) -> HttpResponse:
    return render_page(request, "dashboard/live.html", "live", panels.live_snapshot(request.user))


@signed_in
@require_safe
def show_strategies(request: HttpRequest) -> HttpResponse:
    return render_page(request, "dashboard/strategies.html", "strategies", panels.strategies_snapshot(request.user))


@signed_in
@require_safe
def show_deployment(request: HttpRequest, deployment_id: UUID) -> HttpResponse:
    chosen = get_object_or_404(Deployment.objects.select_related("strategy"), pk=deployment_id)
    return deployment_page(request, chosen)


def deployment_page(
    request: HttpRequest, chosen: Deployment, given: dict[str, Any] | None = None, wrong: dict[str, Any] | None = None
) -> HttpResponse:
    """Show a deployment; after a refused change, with what was typed and what is wrong with it."""
    snapshot = panels.deployment_snapshot(chosen.pk, request.GET.get("chart", ""))
    try:
        name = chosen.strategy.name
        fields = parameter_fields(name, {**chosen.parameters, **(given or {})}, wrong)
        trouble = other_problems(name, wrong)
    except UnknownStrategy as gone:
        fields, trouble = [], [str(gone)]
    return render_page(
        request,
        "dashboard/deployment.html",
        "strategies",
        snapshot,
        fields=fields,
        trouble=trouble,
        deployment=chosen,
        is_running=chosen.state != DeploymentState.STOPPED,
        strip=snapshot["row"]["mode"],
    )


@signed_in
@require_safe
def show_orders(request: HttpRequest) -> HttpResponse:
    return orders_page(request, OrderForm(initial={name: request.GET[name] for name in TICKET if name in request.GET}))


def orders_page(request: HttpRequest, form: OrderForm) -> HttpResponse:
    asked = {name: request.GET.get(name, "") for name in FILTERS}
    snapshot = panels.orders_snapshot(asked)
    ticket = panels.reckon_ticket(*form.typed(), request.user)
    return render_page(
        request, "dashboard/orders.html", "orders", snapshot, form=form, ticket=ticket, narrowed=any(asked.values())
    )


@signed_in
@require_safe
def find(request: HttpRequest) -> HttpResponse:
    """What the palette finds of the words, as JSON."""
    return JsonResponse({"commands": find_commands(request.GET.get("q", "")[:LONGEST_WORDS], request.user)})


@signed_in
@require_safe
def order_story(request: HttpRequest, order_id: UUID) -> HttpResponse:
    try:
        snapshot = panels.order_story(order_id)
    except Order.DoesNotExist as missing:
        raise Http404("There is no such order.") from missing
    return render_page(request, "dashboard/order_story.html", "orders", snapshot, strip=snapshot["mode"])


@signed_in
@require_safe
def show_portfolio(request: HttpRequest) -> HttpResponse:
    return render_page(request, "dashboard/portfolio.html", "portfolio", panels.portfolio_snapshot(request.user))


@signed_in
@require_safe
def show_lab(request: HttpRequest) -> HttpResponse:
    """The form is empty, or filled with what the backtest named ``again`` was asked."""
    again = request.GET.get("again", "")
    job = Backtest.objects.defer("result").filter(pk=again).first() if is_id(again) else None
    if job is None:
        return lab_page(request, BacktestForm())
    values = form_values(job)
    return lab_page(request, BacktestForm(initial=values, parameters=values.pop("parameters")))


def is_id(text: str) -> bool:
    try:
        return bool(UUID(text))
    except ValueError:
        return False


def lab_page(request: HttpRequest, form: BacktestForm) -> HttpResponse:
    return render_page(request, "dashboard/lab.html", "lab", panels.lab_snapshot(request.user), form=form)


@signed_in
@require_safe
def show_backtest(request: HttpRequest, backtest_id: UUID) -> HttpResponse:
    shown = request.GET.get("shown", "")
    try:
        snapshot = panels.backtest_snapshot(backtest_id, *([int(shown)] if SHOWN.fullmatch(shown) else []))
    except Backtest.DoesNotExist as missing:
        raise Http404("There is no such backtest.") from missing
    # What is done does not change: nothing is heard of it.
    topic = "lab" if snapshot["result"] is None else ""
    return render_page(request, "dashboard/backtest.html", "lab", snapshot, topic=topic)


@signed_in
@require_safe
def download_result(request: HttpRequest, backtest_id: UUID, table: str) -> HttpResponse:
    """The whole of a result as a file: one of its tables as CSV, or all as JSON."""
    job: Any = get_object_or_404(Backtest.objects.exclude(result=None), pk=backtest_id)
    if table == "result.json":
        answer = HttpResponse(json.dumps(job.result, indent=1), content_type="application/json")
    elif table in TABLES:
        text = StringIO()
        csv.writer(text).writerows(TABLES[table](job.result))
        answer = HttpResponse(text.getvalue(), content_type="text/csv; charset=utf-8")
    else:
        raise Http404(f"A result has {', '.join(TABLES)} and result.json.")
    name = f"{job.strategy}-{job.asked_at:%Y-%m-%d}-{str(job.pk)[-4:]}-{table}"
    answer["Content-Disposition"] = f'attachment; filename="{name}"'
    return answer


@signed_in
@require_safe
def show_system(request: HttpRequest) -> HttpResponse:
    return render_page(request, "dashboard/system.html", "system", panels.system_snapshot(request.user))
