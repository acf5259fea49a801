"""The page where there can be none: a server is away, something of ours is broken, or there is no such page."""

import sys

from django.http import HttpRequest, HttpResponse, JsonResponse
from django.shortcuts import render

from alphapanda.core.outages import Outage, outage_behind
from alphapanda.dashboard.appearance import appearance_of

LOOK_AGAIN_SECONDS = 2


def show_trouble(request: HttpRequest) -> HttpResponse:
    """Answer in words, without asking any server: 503 while one is away, 500 for a fault of ours.

    Django calls it (``handler500``) while the exception is being handled.
    """
    outage = outage_behind(sys.exc_info()[1])
    response = _as_json(outage) if _wants_json(request) else _as_page(request, outage)
    response.status_code = 503 if outage else 500
    if outage:
        response["Retry-After"] = str(LOOK_AGAIN_SECONDS)
    return response


def show_missing(request: HttpRequest, exception: Exception) -> HttpResponse:
    """Answer in words where there is no such page (``handler404``); what a view says of it is told."""
    said = exception.args[0] if exception.args and isinstance(exception.args[0], str) else ""
    words = said or f"There is no page at {request.path}"
    if _wants_json(request):
        return JsonResponse({"words": words}, status=404)
    context = {**appearance_of(request), "words": words.rstrip(".")}
    return render(None, "dashboard/missing.html", context, status=404)  # type: ignore[arg-type]


def _wants_json(request: HttpRequest) -> bool:
    return request.headers.get("Accept", "").startswith("application/json")


def _as_json(outage: Outage | None) -> HttpResponse:
    words = outage.words if outage else "This could not be shown; the fault is in the log"
    return JsonResponse({"words": words, "meanwhile": outage.meanwhile if outage else []})


def _as_page(request: HttpRequest, outage: Outage | None) -> HttpResponse:
    # What was asked by POST is not asked again by itself.
    again = request.get_full_path() if request.method in ("GET", "HEAD") else "/"
    context = {
        **appearance_of(request),
        "outage": outage,
        "again": again,
        "seconds": LOOK_AGAIN_SECONDS,
        "was_act": request.method not in ("GET", "HEAD"),
    }
    # Without the request: what it brings along (who is signed in, messages) stands in PostgreSQL.
    return render(None, "dashboard/trouble.html", context)  # type: ignore[arg-type]
