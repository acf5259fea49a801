"""Asked twice, done once: a write with an Idempotency-Key gets its first answer again.

The lock is a PostgreSQL advisory lock of this connection and not a transaction: what is done may reach for quotes,
and no network call belongs inside a transaction. A process killed half-way leaves a row without an answer; whoever
asks again does it anew, and the services do the same thing at most once by their own keys and states.
"""

import hashlib
import json
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import timedelta
from functools import wraps
from typing import Any

import orjson
from django.db import connection
from django.db.models.functions import Now
from django.urls import reverse
from rest_framework import exceptions, status
from rest_framework.request import Request
from rest_framework.response import Response

from trading.api.problems import Conflict, KeyUsedOtherwise, translate_error
from trading.api.rendering import encode_exactly
from trading.models import RememberedRequest

HEADER = "Idempotency-Key"
LONGEST = 64
REMEMBERED_FOR = timedelta(days=7)

Act = Callable[..., Response]


def done_once(*, required: bool = False) -> Callable[[Act], Act]:
    """Decorate a view's method: honour the key, and with ``required`` refuse a request without one."""

    def decorate(act: Act) -> Act:
        @wraps(act)
        def answer(view: Any, request: Request, *args: Any, **kwargs: Any) -> Response:
            key = key_of(request, required)
            if not key:
                return with_address(act(view, request, *args, **kwargs), view.basename)
            with hold_key(f"{request.user.pk}:{key}"):
                return with_address(
                    first_answer(request, key, lambda: act(view, request, *args, **kwargs)), view.basename
                )

        answer.key_needed = required  # type: ignore[attr-defined]  # The schema says it.
        return answer

    return decorate


def with_address(answer: Response, name: str) -> Response:
    """Say where to look what becomes of what was accepted: the row itself, or the first signal or exit it became."""
    if answer.status_code == status.HTTP_202_ACCEPTED:
        became = [(kind, row) for kind in ("signals", "exits") for row in answer.data.get(kind, ())]
        kind, row = became[0] if became else (name, answer.data)
        answer["Location"] = reverse(f"{kind}-detail", args=[row["id"]])
    return answer


def key_of(request: Request, required: bool) -> str:
    key = str(request.headers.get(HEADER, "")).strip()
    if required and not key:
        raise exceptions.ValidationError({HEADER: ["Send a header with a text of your own, new for each order."]})
    if len(key) > LONGEST or not key.isprintable():
        raise exceptions.ValidationError({HEADER: [f"At most {LONGEST} printable characters."]})
    return key


def service_key(request: Request) -> str | None:
    """Return the key under which a service may do this once: of this user, whatever token was used."""
    key = request.headers.get(HEADER, "").strip()
    return f"{request.user.pk}-{json_hash(key.encode())[:32]}" if key else None


def first_answer(request: Request, key: str, act: Callable[[], Response]) -> Response:
    """Return the remembered answer, or act and remember. Call while holding the key."""
    asked = request_hash(request)
    mine = RememberedRequest.objects.filter(user=request.user)
    mine.filter(created_at__lt=Now() - REMEMBERED_FOR).delete()
    row, _ = mine.get_or_create(user=request.user, key=key, defaults={"fingerprint": asked})
    if row.fingerprint != asked:
        raise KeyUsedOtherwise
    if row.status is not None:
        return Response(row.answer, status=row.status, headers={"Idempotent-Replayed": "true"})
    return act_and_keep(row, act)


def act_and_keep(row: RememberedRequest, act: Callable[[], Response]) -> Response:
    """Act and keep the answer. What was refused as wrong or failed is forgotten: the same key may be used again."""
    try:
        answer = act()
    except Exception as error:
        refusal = translate_error(error)
        if isinstance(refusal, Conflict):
            answer = Response(body_of(refusal), status=refusal.status_code)
        else:
            row.delete()
            raise
    row.status, row.answer = answer.status_code, orjson.loads(encode_exactly(answer.data))
    row.save(update_fields=["status", "answer"])
    return answer


def body_of(refusal: Conflict) -> dict[str, Any]:
    error = {"code": refusal.default_code, "detail": str(refusal.detail), "attr": None}
    return {"type": "client_error", "errors": [error], **refusal.more}


def request_hash(request: Request) -> str:
    """Return a hash of method, path and body; the order of the body's fields does not matter."""
    # Not orjson: it refuses integers of more than 64 bits, and a wrong body deserves a better answer.
    body = json.dumps(request.data, sort_keys=True)
    return json_hash(f"{request.method} {request.path}\n{body}".encode())


def json_hash(data: bytes) -> str:
    return hashlib.sha256(data).hexdigest()


@contextmanager
def hold_key(name: str) -> Iterator[None]:
    """Hold ``name`` until the end; whoever asks meanwhile waits, at most the connection's lock_timeout."""
    number = int.from_bytes(hashlib.sha256(name.encode()).digest()[:8], "big", signed=True)
    with connection.cursor() as cursor:
        cursor.execute("SELECT pg_advisory_lock(%s)", [number])
    try:
        yield
    finally:
        with connection.cursor() as cursor:
            cursor.execute("SELECT pg_advisory_unlock(%s)", [number])
