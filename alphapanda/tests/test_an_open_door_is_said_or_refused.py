"""Keys go to Zerodha encrypted or not at all; a site that answers to any name says so."""

import os
import subprocess
import sys
from typing import Any

import pytest
from django.conf import settings as our_settings
from django.core.checks import run_checks

LIVE = {"ALPHAPANDA_KIND": "live", "SECRET_KEY": "x" * 50, "DATABASE_URL": "postgres://nobody@127.0.0.1:1/none"}
IMPORT = "import django; django.setup(); print('began')"


def begin(**environment: str) -> subprocess.CompletedProcess[str]:
    asked = os.environ | LIVE | {"DJANGO_SETTINGS_MODULE": "alphapanda.settings"} | environment
    command = [sys.executable, "-c", IMPORT]
    return subprocess.run(command, env=asked, cwd=our_settings.BASE_DIR, capture_output=True, text=True, timeout=60)


@pytest.fixture(autouse=True)
def no_addresses(monkeypatch: Any) -> None:
    for name in ("KITE_ROOT", "KITE_LOGIN_ROOT", "KITE_TICKER_ROOT"):
        monkeypatch.delenv(name, raising=False)


@pytest.mark.parametrize(
    ("name", "address"),
    [
        ("KITE_ROOT", "http://api.kite.trade"),
        ("KITE_LOGIN_ROOT", "http://kite.zerodha.com/connect/login"),
        ("KITE_TICKER_ROOT", "ws://ws.kite.trade"),
        ("KITE_ROOT", "HTTP://api.kite.trade"),
    ],
)
def test_no_live_process_begins_that_would_send_keys_in_the_open(name: str, address: str) -> None:
    ended = begin(**{name: address})
    assert ended.returncode != 0
    assert f"{name} must begin with" in ended.stderr


def test_to_halt_is_never_kept_back_by_it(tmp_path: Any) -> None:
    asked = os.environ | LIVE | {"KITE_ROOT": "http://api.kite.trade", "ALPHAPANDA_STATE_DIR": str(tmp_path)}
    command = [sys.executable, "manage.py", "halt"]
    subprocess.run(command, env=asked, cwd=our_settings.BASE_DIR, capture_output=True, text=True, timeout=60)
    assert (tmp_path / "HALT").exists()


def test_a_live_process_begins_with_zerodhas_own_addresses() -> None:
    assert "began" in begin().stdout


@pytest.mark.parametrize(("hosts", "said"), [(["*"], True), (["desk.example.in", "*"], True), (["127.0.0.1"], False)])
def test_a_site_that_answers_to_any_name_is_warned_of(db: None, settings: Any, hosts: list[str], said: bool) -> None:
    settings.ALLOWED_HOSTS = hosts
    assert ("alphapanda.W002" in {message.id for message in run_checks()}) is said
