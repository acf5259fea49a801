"""Whether this web process lives, whether the product can work, and every metric."""

import os
import threading
import time
from collections.abc import Callable
from typing import Any

import redis
from django.conf import settings
from django.core.exceptions import PermissionDenied
from django.db import DatabaseError, connection
from django.http import HttpRequest, HttpResponse, JsonResponse
from prometheus_client import CONTENT_TYPE_LATEST, CollectorRegistry, generate_latest, multiprocess
from prometheus_client import REGISTRY as OWN_REGISTRY

from instruments.models import TradingSession
from trading import wakeups

Check = Callable[[], str]
REMEMBERED_SECONDS = 1.0


def show_liveness(request: HttpRequest) -> HttpResponse:
    """Say that the process answers; asks nobody else."""
    return JsonResponse({"status": "ok"})


class Readiness:
    """What keeps the product from working, looked up at most once a second however many ask."""

    def __init__(self) -> None:
        self._looking = threading.Lock()
        self._problems: dict[str, str] | None = None
        self._until = 0.0

    def problems(self) -> dict[str, str]:
        """While one thread looks, the others are told what was so a moment ago; only the first of all wait."""
        remembered = self._problems
        if remembered is not None and time.monotonic() < self._until:
            return remembered
        if not self._looking.acquire(blocking=remembered is None):
            return remembered or {}
        try:
            if self._problems is None or time.monotonic() >= self._until:
                self._problems = find_problems()
                self._until = time.monotonic() + REMEMBERED_SECONDS
            return self._problems
        finally:
            self._looking.release()


readiness = Readiness()


def show_readiness(request: HttpRequest) -> HttpResponse:
    """Say whether PostgreSQL, Valkey and the calendar are there; 503 with the reasons if not."""
    problems = readiness.problems()
    body: dict[str, Any] = {"status": "not ready" if problems else "ok", "problems": problems}
    return JsonResponse(body, status=503 if problems else 200)


def find_problems() -> dict[str, str]:
    """Return what is wrong, in words, by the name of what it is wrong with."""
    checks: dict[str, Check] = {
        "postgresql": postgresql_problem,
        "valkey": valkey_problem,
        "calendar": calendar_problem,
    }
    return {name: problem for name, check in checks.items() if (problem := check())}


def postgresql_problem() -> str:
    try:
        with connection.cursor() as cursor:
            cursor.execute("SELECT 1")
    except DatabaseError as error:
        return type(error).__name__
    return ""


def valkey_problem() -> str:
    try:
        wakeups.valkey_client().ping()
    except redis.RedisError as error:
        return type(error).__name__
    return ""


def calendar_problem() -> str:
    try:
        return "" if TradingSession.objects.exists() else "not loaded: run load_calendar"
    except DatabaseError as error:
        return type(error).__name__


def show_metrics(request: HttpRequest) -> HttpResponse:
    """Every process's metrics added up. Signed in as staff, or with METRICS_TOKEN as a bearer token."""
    if not may_read_metrics(request):
        raise PermissionDenied
    registry = OWN_REGISTRY
    if "PROMETHEUS_MULTIPROC_DIR" in os.environ:
        registry = CollectorRegistry()
        multiprocess.MultiProcessCollector(registry)  # type: ignore[no-untyped-call]
    return HttpResponse(generate_latest(registry), content_type=CONTENT_TYPE_LATEST)


def may_read_metrics(request: HttpRequest) -> bool:
    from django.utils.crypto import constant_time_compare

    token = settings.METRICS_TOKEN
    given = request.headers.get("Authorization", "")
    if token and constant_time_compare(given, f"Bearer {token}"):
        return True
    return bool(request.user.is_authenticated and request.user.is_staff)
