"""Content security policies of the pages that are not ours: they need more than our own do, and only there."""

from collections.abc import Callable

from django.http import HttpRequest, HttpResponse

POLICIES: dict[str, dict[str, list[str]]] = {
    # The admin's components evaluate expressions and style themselves inline.
    "/admin/": {
        "script-src": ["'self'", "'unsafe-inline'", "'unsafe-eval'"],
        "style-src": ["'self'", "'unsafe-inline'"],
    },
    # Swagger UI styles itself inline; its script is served apart, so scripts stay as strict as ours.
    "/api/docs/": {"style-src": ["'self'", "'unsafe-inline'"]},
}


class AdminPolicyMiddleware:
    def __init__(self, get_response: Callable[[HttpRequest], HttpResponse]) -> None:
        self.get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponse:
        response = self.get_response(request)
        for address, policy in POLICIES.items():
            if request.path.startswith(address):
                # Read by django-csp, whose middleware stands outside this one.
                response._csp_update = policy  # type: ignore[attr-defined]
        return response
