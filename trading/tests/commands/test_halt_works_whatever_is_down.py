import json
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
from django.conf import settings
from django.core.management import CommandError, call_command
from django.db import OperationalError

from alphapanda.core.journal.models import Event
from trading.models import Gate
from trading.orders import gates, kill_switch
from trading.orders.life_cycle import GateState, OrderState

NOBODY_ANSWERS = {"DATABASE_URL": "postgres://nobody@127.0.0.1:1/none", "REDIS_URL": "redis://127.0.0.1:1/0"}


def without_servers(folder: Path, *arguments: str) -> subprocess.CompletedProcess[str]:
    environment = os.environ | NOBODY_ANSWERS | {"ALPHAPANDA_STATE_DIR": str(folder)}
    command = [sys.executable, str(settings.BASE_DIR / "manage.py"), *arguments]
    return subprocess.run(command, env=environment, capture_output=True, text=True, timeout=60, check=False)


@pytest.fixture
def sending(pipeline: Any) -> Any:
    """The desk with one order claimed and sent, not yet filled."""
    pipeline.trade("1505", "1499", parameters={"buy_at": "1500", "sell_at": "1510"})
    return pipeline


def test_the_flag_stands_with_every_server_down(tmp_path):
    ended = without_servers(tmp_path, "halt", "--by", "Asha", "--reason", "wrong prices", "--json")
    said = json.loads(ended.stdout)
    assert (ended.returncode, said["halted"], said["rows"]) == (0, True, False)
    assert (tmp_path / "HALT").read_text().startswith("Halted by Asha")


def test_resume_keeps_the_flag_when_rows_cannot_be_written(tmp_path):
    (tmp_path / "HALT").write_text("Halted by Asha")
    ended = without_servers(tmp_path, "resume")
    assert ended.returncode == 1
    assert "so the flag stays" in ended.stderr
    assert (tmp_path / "HALT").exists()


def test_one_account_cannot_be_halted_without_its_row(tmp_path):
    ended = without_servers(tmp_path, "halt", "--account", "Desk A")
    assert ended.returncode == 1
    assert "while PostgreSQL is away nothing is sent either" in ended.stderr
    assert not (tmp_path / "HALT").exists()


def test_a_halt_writes_flag_and_rows_and_lists_what_is_on_its_way(sending, told):
    said = told("halt", "--by", "Asha", "--reason", "wrong prices")
    assert (said["halted"], said["rows"], said["flag"]) == (True, True, True)
    assert [order["tag"] for order in said["on_their_way"]] == [sending.orders()[0].tag]
    gate = Gate.objects.get(is_global=True)
    assert (gate.state, gate.changed_by, gate.reason) == ("halted", "Asha", "wrong prices")
    assert Event.objects.filter(kind="gate.changed").count() == 1


def test_after_a_halt_no_order_leaves(pipeline):
    call_command("halt", "--json")
    pipeline.trade("1499", "1499", "1499", parameters={"buy_at": "1500", "sell_at": "1510"})
    assert pipeline.orders(OrderState.SUBMITTED, OrderState.OPEN, OrderState.FILLED) == []


def test_the_flag_alone_stops_an_order_that_was_approved(pipeline):
    pipeline.start(pipeline.deploy(parameters={"buy_at": "1500", "sell_at": "1510"}))
    pipeline.tick("1499")
    pipeline.drain()
    from trading.orders import execution
    from trading.risk import assessment

    assessment.assess_signals(pipeline.account.pk)
    kill_switch.raise_flag("Asha", "")
    execution.execute_orders(pipeline.account.pk)
    assert [order.state for order in pipeline.orders()] == [OrderState.NOT_PLACED]


def test_a_second_halt_keeps_what_the_first_one_said(pipeline, words):
    words("halt", "--by", "Asha")
    words("halt", "--by", "Ravi")
    assert "Asha" in gates.flag_file().read_text()


def test_reduce_only_writes_no_flag(pipeline, told):
    assert told("halt", "--reduce-only")["state"] == "reduce_only"
    assert not gates.flag_file().exists()


def test_a_second_halt_loosens_nothing_and_keeps_the_first_reason(pipeline, told):
    told("halt", "--by", "Asha", "--reason", "wrong prices")
    said = told("halt", "--reduce-only", "--by", "Ravi")
    gate = Gate.objects.get(is_global=True)
    assert (gate.state, gate.changed_by, gate.reason, said["state"]) == ("halted", "Asha", "wrong prices", "halted")
    told("halt", "--by", "Ravi", "--reason", "me too")
    gate.refresh_from_db()
    assert (gate.changed_by, gate.reason) == ("Asha", "wrong prices")


def test_a_flag_from_the_web_that_a_terminal_takes_over_keeps_its_words(pipeline, told):
    kill_switch.set_level(None, GateState.HALTED, "mehta", "odd prices")
    told("halt", "--by", "Asha")
    words = gates.flag_file().read_text()
    assert words.startswith("Halted by Asha")
    assert "Halted over the web by mehta" in words
    assert "odd prices" in words


def test_one_account_is_halted_and_the_others_go_on(pipeline, told):
    told("halt", "--account", "Desk A")
    assert gates.gate_states(pipeline.account.pk) == ("active", "halted")
    assert not gates.flag_file().exists()


def test_an_account_nobody_knows_is_wrong_input(pipeline):
    for command in ("halt", "resume"):
        with pytest.raises(CommandError, match="no account 'Nobody'") as refused:
            call_command(command, "--account", "Nobody")
        assert refused.value.returncode == 2


def test_a_gate_held_for_a_moment_by_a_claim_is_tried_again(pipeline, monkeypatch):
    calls: list[str] = []

    def held_once(*args: Any, **kwargs: Any) -> list[Any]:
        calls.append("asked")
        if len(calls) == 1:
            raise OperationalError("canceling statement due to lock timeout")
        return []

    monkeypatch.setattr(kill_switch, "set_gate", held_once)
    assert kill_switch.close_gate(None, "halted", "Asha", "") == []
    assert len(calls) == 2


def test_a_flag_that_cannot_be_written_still_leaves_the_rows(pipeline, told, monkeypatch):
    def full(by: str, reason: str) -> Path:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(kill_switch, "raise_flag", full)
    said = told("halt")
    assert (said["flag"], said["rows"], said["halted"]) == (False, True, True)


def test_resume_opens_both_and_says_what_stands(pipeline, told):
    told("halt", "--by", "Asha", "--reason", "lunch")
    said = told("resume", "--by", "Asha")
    assert (said["open"], said["flag"]) == (True, False)
    assert {gate["gate"]: gate["state"] for gate in said["gates"]} == {"everything": "active", "Desk A": "active"}


def test_resume_of_one_account_leaves_the_flag_and_says_so(pipeline):
    call_command("halt", "--json")
    with pytest.raises(CommandError, match="halts everything: run resume without --account"):
        call_command("resume", "--account", "Desk A")
    assert gates.gate_states(pipeline.account.pk) == ("halted", "active")


def test_resume_of_everything_names_accounts_that_are_still_closed(pipeline, words):
    words("halt", "--account", "Desk A", "--by", "Asha", "--reason", "books")
    assert "Still closed: Desk A. Each is opened by name." in words("resume")
    assert "Desk A: active" in words("resume", "--account", "Desk A")
