"""An attempt is counted before the work, so that a death counts; what the database did is given back."""

import pytest
from django.core.management import call_command
from django.core.management.commands.migrate import Command as DjangoMigrate
from django.db import InterfaceError, OperationalError, connection

from market.subscriptions import subscribe_instrument
from trading.models import Signal
from trading.orders import attempts
from trading.orders.requests import place_manual
from trading.risk import assessment


@pytest.fixture
def waiting(pipeline) -> Signal:
    """An order by hand that waits to be judged."""
    attempts._owed.clear()
    subscribe_instrument(pipeline.feed, pipeline.infy, "full", ref="watchlist")
    pipeline.play("1500.00")
    return place_manual(
        pipeline.account, pipeline.infy, side="BUY", quantity=5, order_type="MARKET", product="CNC", by="tests"
    )


def judge(pipeline, monkeypatch, raised: BaseException, times: int = 1, **also) -> None:
    """Judge what waits while the work raises."""

    def fail(*_args):
        raise raised

    with monkeypatch.context() as patched:
        patched.setattr(assessment, "state_before", fail)
        for name, value in also.items():
            patched.setattr(attempts, name, value)
        for _ in range(times):
            with pytest.raises(type(raised)):
                assessment.assess_signals(pipeline.account.pk)


def standing() -> tuple[str, int]:
    signal = Signal.objects.get()
    return signal.state, signal.attempts


@pytest.mark.parametrize("trouble", [OperationalError("lock timeout"), InterfaceError("connection already closed")])
def test_database_trouble_does_not_use_up_a_signals_attempts(pipeline, waiting, monkeypatch, trouble):
    judge(pipeline, monkeypatch, trouble, times=3)
    assert standing() == ("new", 0)
    assessment.assess_signals(pipeline.account.pk)
    assert standing() == ("ordered", 0)


class AwayOnce:
    """A database that does not even take back what was counted."""

    def close_if_unusable_or_obsolete(self) -> None:
        raise OperationalError("connection refused")


def test_what_could_not_be_given_back_at_once_is_not_counted_twice(pipeline, waiting, monkeypatch):
    for _ in range(4):
        judge(pipeline, monkeypatch, OperationalError("server closed the connection"), connection=AwayOnce())
    assert standing() == ("new", 1)
    assessment.assess_signals(pipeline.account.pk)
    assert standing() == ("ordered", 0)


class Killed(BaseException):
    """What a worker's death looks like from inside."""


def test_three_deaths_give_it_up_also_when_the_database_was_away_between(pipeline, waiting, monkeypatch):
    for died in (1, 2, 3):
        judge(pipeline, monkeypatch, Killed())
        judge(pipeline, monkeypatch, OperationalError("lock timeout")) if died < 3 else None
        assert standing() == ("new", died)
    assessment.assess_signals(pipeline.account.pk)
    assert standing() == ("failed", 3)
    assert Signal.objects.get().state_reason == "could not be judged: its worker died three times"


def limits() -> list[str]:
    with connection.cursor() as cursor:
        cursor.execute(
            "SELECT current_setting('lock_timeout'), current_setting('statement_timeout'),"
            " current_setting('idle_in_transaction_session_timeout')"
        )
        return list(cursor.fetchone())


def test_migrate_has_limits_of_its_own_and_leaves_the_desks(transactional_db, monkeypatch):
    before, during = limits(), []
    monkeypatch.setattr(DjangoMigrate, "handle", lambda *_args, **_options: during.append(limits()))
    call_command("migrate", verbosity=0)
    assert before == limits() == ["2s", "30s", "10s"]
    assert during == [["15s", "0", "0"]]
