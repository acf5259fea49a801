"""The pages that are not ours: their content security policies, and the proof that admin's forms ask for."""

from collections.abc import Callable

from django.http import HttpRequest, HttpResponse

from alphapanda.core import proof

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


class ProofInAdminMiddleware:
    """Admin's forms ask who has not shown lately that it is them: before the form is filled in, and when it is sent.

    What only makes things stricter is never held up by it: a gate that is closed, a strategy that is stopped.
    """

    GATES = "/admin/trading/gate/"
    STRICTER = {
        GATES: ("state", {"halted", "reduce_only"}),
        "/admin/trading/deployment/": ("action", {"stop", "pause"}),
    }
    FORMS = ("/add/", "/change/", "/delete/", "/import/", "/password/")

    def __init__(self, get_response: Callable[[HttpRequest], HttpResponse]) -> None:
        self.get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponse:
        if self.is_asked(request) and request.user.is_authenticated and not proof.is_fresh(request):
            return proof.ask_again(request)
        return self.get_response(request)

    def is_asked(self, request: HttpRequest) -> bool:
        """A form or what it sends; not signing out, which takes nothing."""
        if not request.path.startswith("/admin/") or request.path == "/admin/logout/":
            return False
        if request.method != "POST":
            return request.path.endswith(self.FORMS) and not request.path.startswith(self.GATES)
        return not self.is_stricter(request)

    def is_stricter(self, request: HttpRequest) -> bool:
        return any(
            request.path.startswith(address) and request.POST.get(field) in values
            for address, (field, values) in self.STRICTER.items()
        )
