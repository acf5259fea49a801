"""Before the market opens: the flight check, and the day's login to Kite, from a desk or a phone.

Kite sends the browser back with a request token and the ``state`` we gave it. The state is kept in the browser's own
session and is good once, so that nobody can have this browser complete a login that somebody else began.
"""

from __future__ import annotations

import hmac
import secrets
import time
from typing import Any
from urllib.parse import parse_qs, urlsplit
from uuid import UUID

import redis
from csp.decorators import csp_update
from django.conf import settings
from django.contrib import messages
from django.http import Http404, HttpRequest, HttpResponse, HttpResponseRedirect
from django.shortcuts import get_object_or_404, redirect
from django.views.decorators.http import require_POST, require_safe

from alphapanda.core import roles
from alphapanda.dashboard import panels
from alphapanda.dashboard.views.acts import refuse_account
from alphapanda.dashboard.views.page import render_page, signed_in
from portfolio.models import Account
from trading import logins
from trading.errors import NotAllowed

STATES = "kite_logins"
WAIT_SECONDS, LOOK_SECONDS = 3.0, 0.05
STATE_SECONDS = logins.ASKED_SECONDS
LONGEST_PASTE = 2000
NOT_ASKED = "This login was not begun in this browser, or too long ago: begin again, and come back within 5 minutes."


def login_origin() -> str:
    """Where the page's form may lead beside our own addresses: begun here, a login goes on at Kite's."""
    parts = urlsplit(settings.KITE_LOGIN_ROOT)
    return f"{parts.scheme}://{parts.netloc}"


@signed_in
@require_safe
def show_flight(request: HttpRequest) -> HttpResponse:
    snapshot = panels.flight_snapshot(is_whole="all" in request.GET)
    return render_page(request, "dashboard/flight.html", "flight", snapshot, topic="")


@signed_in
@require_safe
def show_handover(request: HttpRequest) -> HttpResponse:
    return render_page(request, "dashboard/handover.html", "handover", panels.handover_snapshot(), topic="")


@csp_update({"form-action": [login_origin()]})
@signed_in
@require_safe
def show_logins(request: HttpRequest) -> HttpResponse:
    return render_page(request, "dashboard/logins.html", "logins", panels.logins_snapshot(), topic="system")


@signed_in
@require_POST
def act_on_login(request: HttpRequest, account_id: UUID, act: str) -> HttpResponse:
    account = get_object_or_404(Account, pk=account_id, broker=Account.Broker.ZERODHA)
    if not roles.may_touch(request.user, account.pk):
        return refuse_account(request)
    if act == "begin":
        return begin_login(request, account)
    if act != "paste":
        raise Http404(f"A login is begun or pasted, not {act}.")
    return finish_login(request, account, request.POST.get("pasted", "")[:LONGEST_PASTE].strip())


def begin_login(request: HttpRequest, account: Account) -> HttpResponse:
    """Send the browser to Kite, with a state of its own."""
    state = secrets.token_urlsafe(24)
    try:
        logins.ask_address(account, state)
        address, refused = await_address(state)
    except redis.RedisError:
        address, refused = "", "Valkey is away, and the account's broker process is asked through it"
    if not address:
        nobody = f"no process answers for {account.name} (queue broker.{account.name}): start it, or use kite_login"
        messages.error(request, f"{account.name}: {refused or nobody}.")
        return redirect("dashboard:logins")
    request.session[STATES] = {**fresh_states(request), str(account.pk): [state, int(time.time())]}
    return HttpResponseRedirect(address)


def await_address(state: str) -> tuple[str, str]:
    deadline = time.monotonic() + WAIT_SECONDS
    while True:
        found = logins.read_address(state)
        if any(found) or time.monotonic() >= deadline:
            return found
        time.sleep(LOOK_SECONDS)


def fresh_states(request: HttpRequest) -> dict[str, Any]:
    kept: dict[str, Any] = request.session.get(STATES, {})
    return {account: one for account, one in kept.items() if one[1] > time.time() - STATE_SECONDS}


@signed_in
def come_back(request: HttpRequest) -> HttpResponse:
    """Where Kite sends the browser after a login: the app's redirect address."""
    given = request.GET.get("state", "")
    owner = next((one for one, (state, _) in fresh_states(request).items() if is_same(given, state)), None)
    account = Account.objects.filter(pk=owner).first() if owner else None
    if account is None:
        messages.error(request, NOT_ASKED)
        return redirect("dashboard:logins")
    return finish_login(request, account, request.get_full_path())


def is_same(given: str, state: str) -> bool:
    return hmac.compare_digest(given.encode(), state.encode())


def finish_login(request: HttpRequest, account: Account, came_with: str) -> HttpResponse:
    """Take the address a browser came back to, or the request token alone, and have it exchanged."""
    try:
        token = token_in(came_with, fresh_states(request).get(str(account.pk), [""])[0])
        logins.leave_token(account, token)
    except NotAllowed as refused:
        messages.error(request, f"{account.name}: {refused}.")
    else:
        request.session[STATES] = {key: one for key, one in fresh_states(request).items() if key != str(account.pk)}
        messages.info(request, f"{account.name}: Kite's answer is here; its broker process exchanges it now.")
    return redirect("dashboard:logins")


def token_in(came_with: str, state: str) -> str:
    """Return the request token of an address, or what was pasted alone. Raises NotAllowed in words."""
    if not came_with:
        raise NotAllowed("paste the address that the browser came back to after the login")
    if "request_token" not in came_with:
        if "/" in came_with or "?" in came_with:
            raise NotAllowed("this address holds no request_token: paste the one you came back to after the login")
        return came_with
    given = parse_qs(urlsplit(came_with).query)
    told = given.get("state", [""])[0]
    if told and not is_same(told, state):
        raise NotAllowed("this address is of a login that was not begun in this browser, or too long ago")
    if given.get("status", ["success"])[0] != "success":
        raise NotAllowed("Kite says that the login did not succeed: begin again")
    return given.get("request_token", [""])[0]
