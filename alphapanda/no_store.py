"""Nothing but static files is kept by browsers and proxies: pages and answers show money."""

from collections.abc import Callable

from django.http import HttpRequest, HttpResponse

GetResponse = Callable[[HttpRequest], HttpResponse]


def keep_no_answer(get_response: GetResponse) -> GetResponse:
    """Stands behind whitenoise, whose files say themselves how long they hold."""

    def answer(request: HttpRequest) -> HttpResponse:
        response = get_response(request)
        response.headers["Cache-Control"] = "no-store, private"
        return response

    return answer
