"""Many at once: one trade is booked once, no update is lost, one portfolio is made."""

import os
import signal
import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from decimal import Decimal
from functools import partial
from pathlib import Path
from threading import Barrier
from typing import TypeVar

import pytest
from django.db import connection, transaction

from alphapanda.core.telemetry import crashpoints
from instruments.models import Instrument
from portfolio.booking import TradeReport, book_trade, ensure_portfolio, open_account, transfer_money
from portfolio.domain.pnl import DayPrice
from portfolio.models import Account, LedgerEntry, Position, Trade
from portfolio.rebuilding import rebuild_account
from portfolio.tests.conftest import instrument

pytestmark = pytest.mark.django_db(transaction=True)
TradeOf = Callable[..., TradeReport]
T = TypeVar("T")
WORKERS = 8


@pytest.fixture
def account(transactional_db: None) -> Account:
    return open_account("crowded", "paper", "paper", Decimal(1_000_000))


@pytest.fixture
def infy(transactional_db: None) -> Instrument:
    return instrument("NSE", "INFY", "EQ", token=408065)


def at_once(jobs: list[Callable[[], T]]) -> list[T]:
    """Run each job in its own thread and connection, all from the same moment."""
    start = Barrier(len(jobs))
    with ThreadPoolExecutor(len(jobs)) as pool:
        return list(pool.map(partial(_run, start), jobs))


def _run(start: Barrier, job: Callable[[], T]) -> T:
    try:
        connection.ensure_connection()
        start.wait(timeout=20)
        return job()
    finally:
        connection.close()


def book(report: TradeReport) -> bool:
    with transaction.atomic():
        return book_trade(report)[1]


def test_one_trade_reported_by_eight_is_booked_by_one(account: Account, trade_of: TradeOf) -> None:
    report = trade_of(10, "100")
    booked = at_once([partial(book, report)] * WORKERS)
    account.refresh_from_db()
    assert sorted(booked) == [False] * 7 + [True]
    assert (account.version, Trade.objects.count(), Position.objects.get().quantity) == (1, 1, 10)
    assert rebuild_account(account) == []


def test_no_fill_of_one_share_is_lost_among_eight(account: Account, trade_of: TradeOf) -> None:
    reports = [trade_of(sign * 3, "100") for sign in (1, -1, 1, 1, -1, 1, 1, 1)]
    at_once([partial(book, report) for report in reports])
    account.refresh_from_db()
    assert (account.version, Position.objects.get().quantity) == (8, 12)
    assert rebuild_account(account) == []


def test_cash_is_the_sum_of_the_ledger_though_eight_book_and_move_money(account: Account, trade_of: TradeOf) -> None:
    reports = [trade_of(sign * 3, "100.05") for sign in (1, -1, 1, -1)]
    trades = [partial(book, report) for report in reports]
    prices = {reports[0].instrument_id: DayPrice(Decimal("100.05"), Decimal("100.05"))}
    moves = [
        partial(transfer_money, account.pk, Decimal(amount), f"move {amount}", prices=prices)
        for amount in (5, -7, 11, -13)
    ]
    at_once([*trades, *moves])
    assert Account.objects.cash_of(account.pk) == LedgerEntry.objects.cash(account.pk)
    assert LedgerEntry.objects.cash(account.pk) != Decimal(1_000_000)
    assert rebuild_account(account) == []


def test_eight_ask_for_a_deployments_portfolio_and_get_the_same(account: Account) -> None:
    portfolios = at_once([partial(ensure_portfolio, account, account.pk, "momentum")] * WORKERS)
    assert len({portfolio.pk for portfolio in portfolios}) == 1


def test_eight_ask_for_the_portfolio_by_hand_and_get_the_same(account: Account) -> None:
    portfolios = at_once([partial(ensure_portfolio, account)] * WORKERS)
    assert {portfolio.pk for portfolio in portfolios} == {account.portfolios.get().pk}


def test_money_moved_by_eight_is_moved_once(account: Account) -> None:
    at_once([partial(transfer_money, account.pk, Decimal(5), "may")] * WORKERS)
    assert LedgerEntry.objects.cash(account.pk) == Account.objects.cash_of(account.pk) == Decimal(1_000_005)


def test_a_booking_that_fails_leaves_nothing_behind(
    account: Account, trade_of: TradeOf, monkeypatch: pytest.MonkeyPatch
) -> None:
    def fail(trade: Trade) -> None:
        raise RuntimeError("the power went out")

    monkeypatch.setattr("portfolio.booking.apply_trade", fail)
    with pytest.raises(RuntimeError):
        book(trade_of(10, "100"))
    monkeypatch.undo()
    account.refresh_from_db()
    assert (account.version, Trade.objects.count(), LedgerEntry.objects.count()) == (0, 0, 1)


def test_booking_outside_a_transaction_is_refused(account: Account, trade_of: TradeOf) -> None:
    with pytest.raises(transaction.TransactionManagementError):
        book_trade(trade_of(10, "100"))


def _wait_until_postgres_noticed() -> None:
    """A killed process's locks go when PostgreSQL sees its socket close; that takes a moment."""
    others = "SELECT count(*) FROM pg_stat_activity WHERE datname = current_database() AND pid <> pg_backend_pid()"
    deadline = time.monotonic() + 30
    with connection.cursor() as cursor:
        while time.monotonic() < deadline:
            cursor.execute(f"{others} AND state LIKE 'idle in transaction%%'")
            if not cursor.fetchone()[0]:
                return
            time.sleep(0.02)


@pytest.fixture
def killed_at(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Callable[[str, Callable[[], object]], int]:
    """Run a job in a child process armed with a crash point; return how the child ended."""

    def run(name: str, job: Callable[[], object]) -> int:
        monkeypatch.setenv("CRASHPOINT_DIR", str(tmp_path))
        connection.close()
        child = os.fork()
        if child == 0:
            crashpoints._passes_left[name] = 1
            job()
            os._exit(0)
        ended = os.waitstatus_to_exitcode(os.waitpid(child, 0)[1])
        _wait_until_postgres_noticed()
        return ended

    return run


def test_killed_in_the_middle_of_a_booking_the_next_attempt_books_it_once(
    account: Account, trade_of: TradeOf, killed_at: Callable[[str, Callable[[], object]], int]
) -> None:
    report = trade_of(10, "100")
    assert killed_at("trade_written", partial(book, report)) == -signal.SIGKILL
    account.refresh_from_db()
    assert (account.version, Trade.objects.count(), LedgerEntry.objects.count()) == (0, 0, 1)
    assert book(report)
    assert rebuild_account(account) == []
