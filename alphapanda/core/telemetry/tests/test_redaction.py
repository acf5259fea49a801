"""No secret survives on its way into a log, and its times are India's."""

import logging
from types import SimpleNamespace

import pytest
import structlog
from django.conf import settings

from alphapanda.core.telemetry.logs import configure_logging, redact_secrets, write_time_in_india

CANARY = "c4n4ry53cr3t"


@pytest.mark.parametrize(
    "value",
    [
        {"access_token": CANARY},
        {"headers": {"Authorization": f"token key:{CANARY}"}},
        f"wss://ws.kite.trade?api_key=abc&access_token={CANARY}",
        f"Authorization: token abc:{CANARY}",
        f'{{"request_token": "{CANARY}"}}',
        [{"nested": {"api_secret": CANARY}}],
        {"api_key": CANARY},
        f"GET /?token={CANARY}",
        f'{{"token": "{CANARY}"}}',
        f"GET /sign-in/{CANARY}/",
        f"https://desk.example.in/sign-in/{CANARY}?x=1",
        {"request": f"GET /sign-in/{CANARY}/"},
        f"Authorization: Basic {CANARY}",
        f"Cookie: sessionid={CANARY}; theme=dark",
        ValueError(f"api_key={CANARY}"),
        f"api_key={CANARY}".encode(),
        frozenset([f"api_key={CANARY}"]),
        SimpleNamespace(address=f"/sign-in/{CANARY}/"),
    ],
)
def test_secrets_are_removed_whatever_their_nesting(value):
    assert CANARY not in str(redact_secrets(value))


@pytest.mark.parametrize("value", [None, True, 7, 1.5, "plain words"])
def test_what_can_hold_no_secret_stays_as_it_is(value):
    assert redact_secrets(value) == value


def test_instrument_tokens_are_not_secrets():
    assert redact_secrets({"instrument_token": 408065}) == {"instrument_token": 408065}
    assert redact_secrets("instrument_token=408065 of 3 tokens: all") == "instrument_token=408065 of 3 tokens: all"
    assert redact_secrets("GET /sign-in/?next=/orders/") == "GET /sign-in/?next=/orders/"


@pytest.mark.parametrize("json", [True, False])
def test_every_line_is_redacted_whoever_writes_it(json, capsys):
    configure_logging("INFO", json=json)
    try:
        structlog.get_logger("ours").info("said", address=f"/sign-in/{CANARY}/", api_key=CANARY)
        logging.getLogger("django.request").warning("Unauthorized: %s", f"/sign-in/{CANARY}/")
        try:
            raise ValueError(f"token={CANARY}")
        except ValueError:
            logging.getLogger("library").exception("failed")
    finally:
        configure_logging(settings.LOG_LEVEL, json=True)
    written = capsys.readouterr().err
    assert written.count("[redacted]") >= 4
    assert CANARY not in written


def test_a_line_says_when_in_indias_time():
    event = write_time_in_india(None, "info", {"timestamp": "2026-11-20T09:02:08.112345Z"})
    assert event["timestamp"] == "2026-11-20T14:32:08.112+05:30"
