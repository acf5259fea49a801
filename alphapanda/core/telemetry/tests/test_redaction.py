"""No secret survives on its way into a log, and its times are India's."""

import pytest

from alphapanda.core.telemetry.logs import redact_secrets, write_time_in_india

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
    ],
)
def test_secrets_are_removed_whatever_their_nesting(value):
    assert CANARY not in str(redact_secrets(value))


def test_instrument_tokens_are_not_secrets():
    assert redact_secrets({"instrument_token": 408065}) == {"instrument_token": 408065}


def test_a_line_says_when_in_indias_time():
    event = write_time_in_india(None, "info", {"timestamp": "2026-11-20T09:02:08.112345Z"})
    assert event["timestamp"] == "2026-11-20T14:32:08.112+05:30"
