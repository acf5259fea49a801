"""Signing in and out, and how the pages look to this reader."""

from typing import Any

from allauth.account.utils import perform_login
from django.contrib import messages
from django.contrib.auth import logout
from django.core.exceptions import NON_FIELD_ERRORS
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.urls import reverse
from django.utils.http import url_has_allowed_host_and_scheme
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_http_methods, require_POST

from alphapanda.dashboard.appearance import CONTRASTS, KEYS, THEMES
from alphapanda.dashboard.forms import SignInForm
from alphapanda.dashboard.sign_in_links import use_sign_in_link

BACKEND = "django.contrib.auth.backends.ModelBackend"
YEAR = 365 * 24 * 3600


@never_cache
@require_http_methods(["GET", "POST"])
def sign_in(request: HttpRequest) -> HttpResponse:
    form = SignInForm(request, request.POST or None)
    if request.method == "POST" and form.is_valid():
        return let_in(request, form.get_user(), safe_next(request))
    context = {"form": form, "next": request.GET.get("next", "")}
    status = 429 if form.has_error(NON_FIELD_ERRORS, "too_many") else 200
    return render(request, "dashboard/sign_in.html", context, status=status)


@never_cache
@require_http_methods(["GET"])
def sign_in_by_link(request: HttpRequest, token: str) -> HttpResponse:
    user = use_sign_in_link(token)
    if user is None:
        messages.error(request, "This link was used or has expired. Sign in with your password, or ask for a new link.")
        return redirect("dashboard:sign_in")
    return let_in(request, user, reverse("dashboard:live"))


def let_in(request: HttpRequest, user: Any, address: str) -> HttpResponse:
    """Sign a person in who gave the password or a link; whoever has a second factor is asked for it first."""
    user.backend = BACKEND
    answer: HttpResponse = perform_login(request, user, redirect_url=address)
    return answer


@require_POST
def sign_out(request: HttpRequest) -> HttpResponse:
    logout(request)
    return redirect("dashboard:sign_in")


@require_POST
def choose_theme(request: HttpRequest) -> HttpResponse:
    """Keep the choice in a cookie: it is about the screen, not about the person."""
    answer = redirect(came_from(request))
    for name, choices in (("theme", THEMES), ("contrast", CONTRASTS), ("keys", KEYS)):
        if request.POST.get(name) in choices:
            answer.set_cookie(name, request.POST[name], max_age=YEAR, samesite="Lax", secure=request.is_secure())
    return answer


def safe_next(request: HttpRequest) -> str:
    asked = request.POST.get("next", "")
    return asked if is_ours(request, asked) else "/"


def came_from(request: HttpRequest) -> str:
    """Where the form stood; never another site."""
    address = request.META.get("HTTP_REFERER", "")
    return address if is_ours(request, address) else "/"


def is_ours(request: HttpRequest, address: str) -> bool:
    return bool(address) and url_has_allowed_host_and_scheme(
        address, allowed_hosts={request.get_host()}, require_https=request.is_secure()
    )
