"""Signing in and out, and how the pages look to this reader."""

from django.contrib import messages
from django.contrib.auth import login, logout
from django.core.exceptions import NON_FIELD_ERRORS
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.utils.http import url_has_allowed_host_and_scheme
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_http_methods, require_POST

from alphapanda.dashboard.forms import SignInForm
from alphapanda.dashboard.sign_in_links import use_sign_in_link
from alphapanda.dashboard.views.page import CONTRASTS, KEYS, THEMES, appearance_of

BACKEND = "django.contrib.auth.backends.ModelBackend"
YEAR = 365 * 24 * 3600


@never_cache
@require_http_methods(["GET", "POST"])
def sign_in(request: HttpRequest) -> HttpResponse:
    form = SignInForm(request, request.POST or None)
    if request.method == "POST" and form.is_valid():
        login(request, form.get_user())
        return redirect(safe_next(request))
    context = {**appearance_of(request), "form": form, "next": request.GET.get("next", "")}
    status = 429 if form.has_error(NON_FIELD_ERRORS, "too_many") else 200
    return render(request, "dashboard/sign_in.html", context, status=status)


@never_cache
@require_http_methods(["GET"])
def sign_in_by_link(request: HttpRequest, token: str) -> HttpResponse:
    user = use_sign_in_link(token)
    if user is None:
        messages.error(request, "This link was used or has expired. Sign in with your password, or ask for a new link.")
        return redirect("dashboard:sign_in")
    login(request, user, backend=BACKEND)
    return redirect("dashboard:live")


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
    came_from = request.META.get("HTTP_REFERER", "")
    return came_from if is_ours(request, came_from) else "/"


def is_ours(request: HttpRequest, address: str) -> bool:
    return bool(address) and url_has_allowed_host_and_scheme(
        address, allowed_hosts={request.get_host()}, require_https=request.is_secure()
    )
