"""What every page has in common: the shell around its snapshot, themes, and the same facts as JSON."""

from __future__ import annotations

from collections.abc import Callable
from functools import wraps
from typing import Any, TypedDict

from django.contrib.auth.decorators import login_required
from django.http import HttpRequest, HttpResponse, JsonResponse
from django.shortcuts import render
from django.urls import reverse

from alphapanda.core import roles
from alphapanda.dashboard.panels.shell import CommonFacts, shell_snapshot

SHEETS = [
    f"dashboard/css/{name}.css"
    for name in (
        "tokens",
        "base",
        "header",
        "sheet",
        "verdict",
        "tables",
        "panels",
        "controls",
        "cards",
        "story",
        "system",
        "lab",
        "portfolio",
    )
]
PLACES = [
    ("live", "Live"),
    ("strategies", "Strategies"),
    ("orders", "Orders"),
    ("portfolio", "Portfolio"),
    ("lab", "Lab"),
]
BEHIND = [("system", "System")]
THEMES = {"auto": "As the machine", "dark": "Dark", "light": "Light"}
CONTRASTS = {"auto": "As the machine", "more": "High", "normal": "Normal"}
CONTRAST_MEDIA = {"auto": "(prefers-contrast: more)", "more": "all", "normal": "not all"}
KEYS = {"on": "On", "off": "Off"}
STRIP_WORDS = {
    "practice": "Practice: the market itself is simulated",
    "paper": "Paper: real prices, simulated fills",
    "live": "Live: real orders, real money",
}


def chosen_option(request: HttpRequest, name: str, choices: dict[str, str]) -> str:
    chosen = request.COOKIES.get(name, "")
    return chosen if chosen in choices else next(iter(choices))


class AppearanceOf(TypedDict):
    sheets: list[str]
    theme: str
    theme_choice: str
    contrast_choice: str
    contrast_media: str
    keys_choice: str
    themes: Any
    contrasts: Any
    key_choices: Any


def appearance_of(request: HttpRequest) -> AppearanceOf:
    """How the reader wants it to look: kept in cookies, chosen in the menu."""
    theme, contrast = chosen_option(request, "theme", THEMES), chosen_option(request, "contrast", CONTRASTS)
    return {
        "sheets": SHEETS,
        "theme": "" if theme == "auto" else theme,
        "theme_choice": theme,
        "contrast_choice": contrast,
        "contrast_media": CONTRAST_MEDIA[contrast],
        "keys_choice": chosen_option(request, "keys", KEYS),
        "themes": THEMES.items(),
        "contrasts": CONTRASTS.items(),
        "key_choices": KEYS.items(),
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
    shell = shell_snapshot(request.user, snapshot)
    strip = more.pop("strip", shell["mode"])
    context = {
        **appearance_of(request),
        "place": place,
        "place_title": place.title(),
        "places": list_places(),
        "topic": more.pop("topic", place),
        "shell": shell,
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
        if roles.may(request.user, right):
            return view(request, *arguments, **named)
        return refuse(request, f"Your role does not let you {roles.WORDS[right]}")

    return login_required(answer, login_url="dashboard:sign_in")


def right_needed(request: HttpRequest) -> roles.Right:
    match = request.resolver_match
    assert match is not None
    return roles.needed(roles.PAGES[str(match.url_name)], match.kwargs.get("act") or request.POST.get("level", ""))


def refuse(request: HttpRequest, words: str) -> HttpResponse:
    """Answer 403 in words, and say whom to ask."""
    may_look = roles.may(request.user, roles.Right.LOOK)
    if request.headers.get("Accept", "").startswith("application/json"):
        return JsonResponse({"words": words}, status=403)
    name = request.user.get_username()
    advice = f"You are signed in as {name}. An administrator gives roles: ask one if you should have it."
    context = {**appearance_of(request), "words": words, "advice": advice, "may_look": may_look}
    return render(request, "dashboard/not_allowed.html", context, status=403)
