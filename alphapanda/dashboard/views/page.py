"""What every page has in common: the shell around its snapshot, themes, and the same facts as JSON."""

from __future__ import annotations

from collections.abc import Callable
from functools import wraps
from typing import Any

from django.contrib.auth.decorators import login_required
from django.http import HttpRequest, HttpResponse, JsonResponse
from django.shortcuts import render
from django.urls import resolve, reverse

from alphapanda.core import proof, roles
from alphapanda.dashboard.panels.shell import CommonFacts, shell_snapshot

PLACES = [
    ("live", "Live"),
    ("strategies", "Strategies"),
    ("orders", "Orders"),
    ("portfolio", "Portfolio"),
    ("lab", "Lab"),
]
BEHIND = [("system", "System")]
STRIP_WORDS = {
    "practice": "Practice: the market itself is simulated",
    "paper": "Paper: real prices, simulated fills",
    "live": "Live: real orders, real money",
}


def list_places() -> list[dict[str, Any]]:
    return [
        {"key": key, "title": title, "href": reverse(f"dashboard:{key}"), "behind": (key, title) in BEHIND}
        for key, title in [*PLACES, *BEHIND]
    ]


def render_page(request: HttpRequest, template: str, place: str, snapshot: CommonFacts, **more: Any) -> HttpResponse:
    """Answer with the page, or with the snapshot alone if JSON is asked for."""
    if request.headers.get("Accept", "").startswith("application/json"):
        return JsonResponse(snapshot)
    reach = roles.reach_of(request.user)
    shell = shell_snapshot(request.user, reach, snapshot)
    strip = more.pop("strip", shell["mode"])
    context = {
        "place": place,
        "place_title": place.title(),
        "places": list_places(),
        "topic": more.pop("topic", place),
        "shell": shell,
        "reach": reach,
        "reached_accounts": "*" if reach.accounts is None else " ".join(sorted(reach.accounts)),
        "strip": strip,
        "strip_words": STRIP_WORDS.get(strip or "", ""),
        "snapshot": snapshot,
        **more,
    }
    return render(request, template, context)


View = Callable[..., HttpResponse]


def signed_in(view: View) -> View:
    """Let a view be asked by those whose role reaches it, as the table of ``roles.PAGES`` says."""

    @wraps(view)
    def answer(request: HttpRequest, *arguments: Any, **named: Any) -> HttpResponse:
        right = right_needed(request)
        if not roles.may(request.user, right):
            return refuse(request, f"Your role does not let you {roles.WORDS[right]}")
        if right in roles.PROVED and not proof.is_fresh(request):
            return proof.ask_again(request)
        return view(request, *arguments, **named)

    return login_required(answer, login_url="dashboard:sign_in")


def right_needed(request: HttpRequest) -> roles.Right:
    # By its path: what waited for a proof is done from within another address.
    match = resolve(request.path_info)
    return roles.needed(roles.PAGES[str(match.url_name)], match.kwargs.get("act") or request.POST.get("level", ""))


def refuse(request: HttpRequest, words: str) -> HttpResponse:
    """Answer 403 in words, and say whom to ask."""
    may_look = roles.may(request.user, roles.Right.LOOK)
    if request.headers.get("Accept", "").startswith("application/json"):
        return JsonResponse({"words": words}, status=403)
    name = request.user.get_username()
    advice = f"You are signed in as {name}. An administrator gives roles: ask one if you should have it."
    context = {"words": words, "advice": advice, "may_look": may_look}
    return render(request, "dashboard/not_allowed.html", context, status=403)
