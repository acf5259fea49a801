"""One's own: who one is here, the second factor, where one is signed in, and the tokens of one's scripts."""

from __future__ import annotations

from typing import Any, TypedDict
from uuid import UUID

from allauth.mfa.models import Authenticator
from allauth.usersessions.models import UserSession
from django.contrib import messages
from django.contrib.auth import update_session_auth_hash
from django.contrib.auth.forms import SetPasswordForm
from django.http import HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404, redirect, render
from django.views.decorators.debug import sensitive_post_parameters
from django.views.decorators.http import require_http_methods, require_POST, require_safe

from alphapanda.core import proof, roles
from alphapanda.core.figures import counted
from alphapanda.core.journal.services import record_event
from alphapanda.dashboard.views.page import signed_in
from trading.api.tokens import revoke_token, tokens_of
from trading.models import ApiToken

# In this order: Edge and Opera call themselves Chrome as well, and everybody is Mozilla.
BROWSERS = {"Edg/": "Edge", "OPR/": "Opera", "Firefox/": "Firefox", "Chrome/": "Chrome", "Safari/": "Safari"}
SYSTEMS = {"Android": "Android", "iPhone": "iPhone", "iPad": "iPad", "Windows": "Windows", "Mac OS": "macOS"}


class SessionRow(TypedDict):
    id: int
    words: str
    address: str
    since: Any
    is_this: bool


@signed_in
@require_safe
def show_you(request: HttpRequest) -> HttpResponse:
    user: Any = request.user
    factors = Authenticator.objects.filter(user=user.pk).order_by("pk")
    codes = factors.filter(type=Authenticator.Type.RECOVERY_CODES).first()
    context = {
        "role_words": role_words(user),
        "app": factors.filter(type=Authenticator.Type.TOTP).first(),
        "passkeys": [factor.wrap() for factor in factors.filter(type=Authenticator.Type.WEBAUTHN)],
        "has_codes": codes is not None,
        "codes_left": len(codes.wrap().get_unused_codes()) if codes else 0,
        "has_factor": proof.has_second_factor(user),
        "has_password": user.has_usable_password(),
        "sessions": session_rows(request),
        "tokens": tokens_of(user),
        "may_look": roles.may(user, roles.Right.LOOK),
    }
    return render(request, "dashboard/you.html", context)


def role_words(user: Any) -> str:
    names = sorted(user.groups.filter(name__in=roles.ROLES).values_list("name", flat=True))
    names += ["superuser"] * user.is_superuser or ["staff"] * user.is_staff
    return ", ".join(names) or "no role yet"


def session_rows(request: HttpRequest) -> list[SessionRow]:
    """Return where the person is signed in, the newest first; what ended meanwhile is left out."""
    kept: list[UserSession] = UserSession.objects.purge_and_list(request.user)
    return [
        {
            "id": row.pk,
            "words": browser_words(row.user_agent),
            "address": row.ip,
            "since": row.created_at,
            "is_this": row.session_key == request.session.session_key,
        }
        for row in sorted(kept, key=lambda row: row.created_at, reverse=True)
    ]


def browser_words(agent: str) -> str:
    """Return what a browser calls itself, in two words: `Firefox on Windows`."""
    browser = next((name for mark, name in BROWSERS.items() if mark in agent), "")
    system = next((name for mark, name in SYSTEMS.items() if mark in agent), "Linux" if "Linux" in agent else "")
    return " on ".join(filter(None, (browser, system))) or agent[:40] or "an unnamed program"


@sensitive_post_parameters()
@signed_in
@require_http_methods(["GET", "POST"])
def change_password(request: HttpRequest) -> HttpResponse:
    """Take a new password from whoever has just shown the old one; it ends their other sessions and tokens."""
    if not proof.is_fresh(request):
        return proof.ask_again(request)
    form: SetPasswordForm[Any] = SetPasswordForm(request.user, request.POST or None)
    if request.method != "POST" or not form.is_valid():
        return render(request, "dashboard/password.html", {"form": form})
    user = form.save()
    update_session_auth_hash(request, user)
    UserSession.objects.create_from_request(request)
    record_event("person.password_changed", key=user.get_username()[:128], payload={"by": user.get_username()})
    messages.info(request, "Your password is changed. Your other sessions and your tokens have ended.")
    return redirect("dashboard:you")


@signed_in
@require_POST
def end_sessions(request: HttpRequest) -> HttpResponse:
    """End one session, or with no id all but this one."""
    chosen = UserSession.objects.filter(user=request.user.pk).exclude(session_key=request.session.session_key)
    if wanted := request.POST.get("id", ""):
        chosen = chosen.filter(pk=wanted) if wanted.isdecimal() else chosen.none()
    ended = list(chosen)
    for row in ended:
        row.end()
    if ended:
        name, what = request.user.get_username(), counted(len(ended), "other session")
        record_event("person.session_ended", key=name[:128], payload={"by": name, "what": what})
        messages.info(request, f"Ended: {what}.")
    else:
        messages.info(request, "There was no such session any more.")
    return redirect("dashboard:you")


@signed_in
@require_POST
def revoke_own_token(request: HttpRequest, token_id: UUID) -> HttpResponse:
    token: ApiToken = get_object_or_404(tokens_of(request.user), pk=token_id)
    revoke_token(token, request.user)
    messages.info(request, f"The token {token.name} is void.")
    return redirect("dashboard:you")
