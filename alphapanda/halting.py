"""A halt over the web gets through when strangers have taken every connection but one."""

from collections.abc import Awaitable, Callable
from functools import cache

from asgiref.sync import iscoroutinefunction
from django.http import HttpRequest, HttpResponse
from django.urls import reverse
from django.utils.decorators import sync_and_async_middleware

from alphapanda.core.postgres.base import connection_kept_for_halts

GetResponse = Callable[[HttpRequest], HttpResponse | Awaitable[HttpResponse]]


@sync_and_async_middleware
def keep_a_connection_for_halts(
    get_response: GetResponse,
) -> object:
    """Let requests that halt use the connection that is kept; signing in has to use it as well."""
    if iscoroutinefunction(get_response):

        async def answer_later(request: HttpRequest) -> HttpResponse:
            if not may_halt(request):
                return await get_response(request)
            with connection_kept_for_halts():
                return await get_response(request)

        return answer_later

    def answer(request: HttpRequest) -> HttpResponse | Awaitable[HttpResponse]:
        if not may_halt(request):
            return get_response(request)
        with connection_kept_for_halts():
            return get_response(request)

    return answer


def may_halt(request: HttpRequest) -> bool:
    return request.method == "POST" and request.path_info in halting_paths()


@cache
def halting_paths() -> frozenset[str]:
    return frozenset({reverse("gate-halt"), reverse("gate-reduce-only"), reverse("dashboard:gate")})
