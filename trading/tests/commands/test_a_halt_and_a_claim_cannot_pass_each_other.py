"""Two connections to a real PostgreSQL: what holds the gate and what closes it wait for each other."""

import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from decimal import Decimal
from typing import Any

import pytest
from django.core.management import CommandError, call_command
from django.db import connection, transaction

from portfolio.booking import open_account
from portfolio.models import Account
from trading.orders import gates, kill_switch
from trading.orders.life_cycle import GateState

PATIENCE = 20.0
# Long enough for the other side to reach the lock, on a busy machine too; it must not get past it.
A_WHILE = 0.5


@pytest.fixture
def account(transactional_db, settings, tmp_path) -> Account:
    settings.STATE_DIR = tmp_path
    opened = open_account("Desk A", "paper", "paper", Decimal(1000))
    gates.ensure_gates()
    return opened


@contextmanager
def holding(claimed: Callable[[], Any]) -> Iterator[None]:
    """Hold what ``claimed`` locks, on another connection, until the block ends."""
    taken, release = threading.Event(), threading.Event()

    def hold() -> None:
        try:
            with transaction.atomic():
                claimed()
                taken.set()
                release.wait(PATIENCE)
        finally:
            connection.close()

    thread = threading.Thread(target=hold)
    thread.start()
    assert taken.wait(PATIENCE)
    try:
        yield
    finally:
        release.set()
        thread.join(PATIENCE)


def in_background(work: Callable[[], Any]) -> tuple[threading.Thread, list[Any]]:
    answers: list[Any] = []

    def run() -> None:
        try:
            answers.append(work())
        finally:
            connection.close()

    thread = threading.Thread(target=run)
    thread.start()
    return thread, answers


def test_a_halt_returns_only_when_the_claim_before_it_is_over(account):
    with holding(lambda: gates.hold_gate(account.pk)):
        halt, answers = in_background(lambda: kill_switch.close_gate(None, GateState.HALTED, "Asha", ""))
        halt.join(A_WHILE)
        assert answers == []
    halt.join(PATIENCE)
    assert answers == [[]]


def test_a_claim_that_begins_during_a_halt_sees_it(account):
    def claim() -> GateState:
        with transaction.atomic():
            return gates.hold_gate(account.pk)

    with holding(lambda: gates.set_gate(GateState.HALTED, by="Asha")):
        claimed, seen = in_background(claim)
        claimed.join(A_WHILE)
        assert seen == []
    claimed.join(PATIENCE)
    assert seen == [GateState.HALTED]


def test_a_gate_that_is_never_let_go_leaves_the_flag_standing(account, capsys):
    with connection.cursor() as cursor:
        cursor.execute("SET lock_timeout = '100ms'")
    try:
        with holding(lambda: gates.hold_gate(account.pk)):
            call_command("halt", "--by", "Asha")
            with pytest.raises(CommandError, match="The rows could not be written"):
                call_command("halt", "--reduce-only")
    finally:
        with connection.cursor() as cursor:
            cursor.execute("SET lock_timeout = '2s'")
    assert "The flag alone halts everything" in capsys.readouterr().out
    with transaction.atomic():
        assert gates.hold_gate(account.pk) == GateState.HALTED
