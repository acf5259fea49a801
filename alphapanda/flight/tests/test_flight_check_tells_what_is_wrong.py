import contextlib
import json
import os
import subprocess
import sys
from decimal import Decimal
from io import StringIO
from typing import Any

import pytest
import redis
from django.conf import settings
from django.core.management import CommandError, call_command
from django.db import OperationalError

from alphapanda.core.clock.models import MarketClock
from alphapanda.core.journal.models import DeadLetter
from alphapanda.flight import CHECKS, registry, run_checks, servers
from alphapanda.flight import market as market_checks
from instruments.models import InstrumentLoad
from market.board import quote_board
from market.models import FeedLease
from portfolio.booking import open_account
from trading.models import BrokerSession, Gate, Order
from trading.orders import kill_switch
from trading.tests.admin.conftest import traded
from trading.tests.conftest import pipeline

__all__ = ["pipeline", "traded"]


@pytest.fixture
def ready(pipeline: Any) -> Any:
    """A desk on which everything that has no process of its own is as it should be."""
    pipeline.tick("1505")
    pipeline.quiesce()
    FeedLease.objects.create(feed=pipeline.feed, epoch=1, holder="host:1")
    MarketClock.objects.update(rate=0)
    InstrumentLoad.objects.create(day=pipeline.now.date(), state="accepted", rows={"NSE": 1})
    return pipeline


def found(name: str, **options: Any) -> tuple[str, str]:
    (finding,) = run_checks(only=[name], **options)
    return finding.level, finding.words


def told(*arguments: str) -> dict[str, Any]:
    out = StringIO()
    with contextlib.suppress(CommandError):
        call_command("flight_check", "--json", *arguments, stdout=out)
    return json.loads(out.getvalue())


def test_every_quick_check_is_answered_on_a_small_desk(ready):
    answered = {finding.name: finding for finding in run_checks()}
    assert list(answered) == [check.name for check in CHECKS if check.quick]
    assert [finding for finding in answered.values() if finding.level == "red" and finding.name != "disk"] == []


def test_another_kind_of_installation_is_red(db, settings):
    settings.KIND = "live"
    assert found("installation") == ("red", "the database is practice, but ALPHAPANDA_KIND is live")


def test_a_migration_not_applied_is_named(db, monkeypatch):
    class Step:
        app_label, name = "trading", "0009_more"

    monkeypatch.setattr(servers.MigrationExecutor, "migration_plan", lambda self, targets: [(Step, False)])
    assert found("migrations") == ("red", "1 not applied (trading 0009_more): run migrate")


def test_a_valkey_that_evicts_is_red(db, valkey):
    valkey.config_set("maxmemory-policy", "allkeys-lru")
    try:
        assert found("valkey")[0] == "red"
    finally:
        valkey.config_set("maxmemory-policy", "noeviction")
    assert found("valkey")[0] == "ok"


def test_a_dead_server_is_red_and_the_other_checks_go_on(ready, monkeypatch):
    def gone(*args: Any) -> Any:
        raise redis.ConnectionError("connection refused")

    monkeypatch.setattr(quote_board(), "feed_states", gone)
    answered = {finding.name: finding for finding in run_checks()}
    assert (answered["feed"].level, answered["feed"].words) == ("red", "not known: connection refused")
    assert answered["books"].level == "ok"


def test_a_database_that_does_not_answer_is_red_in_one_line(monkeypatch):
    def gone(name: str) -> Any:
        raise OperationalError("connection refused\nIs the server running?")

    finding = registry.ask_check(registry.Check("books", gone))
    assert (finding.level, finding.words) == ("red", "not known: PostgreSQL says connection refused")


def test_no_worker_is_red_for_every_queue_that_is_needed(ready, monkeypatch):
    monkeypatch.setattr(servers, "INSPECT_SECONDS", 0.2)
    level, words = found("workers", quick=False)
    assert level == "red"
    assert words == "no worker answers for ticks.kite-0, risk, orders.paper, housekeeping, broker.practice"


def test_a_day_without_its_instruments_is_red(ready):
    InstrumentLoad.objects.all().delete()
    assert found("instruments") == ("red", "No load is kept.")


def test_the_data_accounts_login_is_asked_for(ready):
    account = open_account("practice", "live", "zerodha", Decimal(0))
    assert found("session") == ("red", "practice is not logged in: run kite_login; its login carries the prices")
    BrokerSession.objects.create(account=account, state="live", expires_at=ready.now.replace(hour=23))
    assert found("session")[0] == "ok"


def test_the_flag_and_a_closed_gate_are_red(ready):
    Gate.objects.filter(is_global=True).update(state="halted", changed_by="Asha", reason="lunch")
    assert found("gates") == ("red", "everything: halted by Asha: lunch")
    kill_switch.raise_flag("Asha", "")
    assert "halts everything: run resume" in found("gates")[1]


def test_an_account_without_a_gate_counts_as_halted(ready):
    Gate.objects.filter(account=ready.account).delete()
    assert found("gates") == ("red", "Desk A has no gate, so it counts as halted: run resume")


def test_an_order_nobody_can_explain_is_red(traded):
    Order.objects.filter(pk=traded.orders()[0].pk).update(state="unconfirmed")
    assert found("orders")[0] == "warn"
    Order.objects.filter(pk=traded.orders()[0].pk).update(state="needs_human")
    assert found("orders")[0] == "red"


def test_an_open_dead_letter_is_red(ready):
    DeadLetter.objects.create(task="t", partition="a", key="1", attempts=3, error="x")
    assert found("dead letters") == ("red", "1 open: look with `dead_letters list`, then replay or drop")


def test_the_brokers_clock_is_asked_only_when_live(db, settings, monkeypatch):
    assert found("broker clock") == ("ok", "practice: the market's clock is the broker's")

    def unreachable(*args: Any, **kwargs: Any) -> Any:
        raise OSError("no route to host")

    settings.KIND = "live"
    monkeypatch.setattr(market_checks.urllib.request, "urlopen", unreachable)
    assert found("broker clock") == ("red", "not known: no route to host")


def test_live_settings_are_asked_what_production_is_asked(db, settings):
    settings.KIND = "live"
    settings.HTTPS = settings.SESSION_COOKIE_SECURE = False
    assert found("settings")[0] == "red"


def test_the_command_says_each_and_fails_when_one_is_red(ready):
    DeadLetter.objects.create(task="t", partition="a", key="1", attempts=3, error="x")
    with pytest.raises(CommandError, match="Red: dead letters") as refused:
        call_command("flight_check", "--only", "dead-letters", "--only", "books", stdout=StringIO())
    assert refused.value.returncode == 1
    said = told("--only", "dead-letters", "--only", "books")
    assert [(one["name"], one["level"]) for one in said["findings"]] == [("dead letters", "red"), ("books", "ok")]


def test_green_ends_well_and_in_words(ready):
    out = StringIO()
    call_command("flight_check", "--only", "books", stdout=out)
    assert "every position is the sum of its trades" in out.getvalue()


def test_an_unknown_check_is_wrong_input(db):
    with pytest.raises(CommandError, match="There is no check weather") as refused:
        call_command("flight_check", "--only", "weather")
    assert refused.value.returncode == 2


def test_with_every_server_down_each_check_still_answers_in_one_line(tmp_path):
    gone = {"DATABASE_URL": "postgres://nobody@127.0.0.1:1/none", "REDIS_URL": "redis://127.0.0.1:1/0"}
    command = [sys.executable, str(settings.BASE_DIR / "manage.py"), "flight_check", "--json"]
    environment = os.environ | gone | {"ALPHAPANDA_STATE_DIR": str(tmp_path)}
    ended = subprocess.run(command, env=environment, capture_output=True, text=True, timeout=100, check=False)
    said = json.loads(ended.stdout)
    assert ended.returncode == 1
    assert [one["name"] for one in said["findings"]] == [check.name for check in CHECKS]
    assert "Traceback" not in ended.stderr
