"""Three years of books behind an account: one decision reads what is open and of today, and no history."""

import json
from collections.abc import Iterator
from datetime import timedelta
from decimal import Decimal
from typing import Any

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext

from benchmarks.book_history import TABLES, analyse_tables, write_history
from market.subscriptions import subscribe_instrument
from portfolio.booking import transfer_money
from portfolio.domain.pnl import DayPrice
from portfolio.models import Account, LedgerEntry, PnlSnapshot, Position, Trade
from portfolio.snapshots import take_snapshots
from tests.stories.pipeline import DAY, Pipeline, at
from trading.models import RiskDecision, Signal
from trading.orders import requests
from trading.risk.assessment import judge_signal
from trading.risk.exposure import load_state
from trading.risk.marks import Marks

YEARS = 3
MOST_ROWS = 1_000  # of any one query; the tables have tens of thousands


@pytest.fixture
def traded(pipeline: Pipeline) -> Pipeline:
    """An account that has bought and sold today: what its years are copied from."""
    subscribe_instrument(pipeline.feed, pipeline.infy, "full", ref="watchlist")
    pipeline.play("1500")
    for side in ("BUY", "SELL"):
        requests.place_manual(pipeline.account, pipeline.infy, side, 10, "MARKET", "MIS", by="mehta")
        pipeline.play("1500", "1500", "1500")
    transfer_money(pipeline.account.pk, Decimal(1_00_00_000), "three years of charges")
    return pipeline


def write_days(pipeline: Pipeline, days: int, round_trips: int) -> None:
    """Books of the days before today: five portfolios, each of which carries a lot into today."""
    friday = DAY - timedelta(days=3)
    first = friday - timedelta(days=days)
    write_history(pipeline.account, first, friday, round_trips=round_trips, minutes_apart=15)
    analyse_tables()
    # Writing it took longer than a quote stays fresh.
    pipeline.play("1500")


def price(last: str, previous_close: str) -> DayPrice:
    return DayPrice(Decimal(last), Decimal(previous_close))


def rows_read(node: dict[str, Any]) -> Iterator[tuple[str, int]]:
    """Each scan of a plan: the table, and how many rows it looked at."""
    if "Relation Name" in node:
        looked = sum(
            node.get(name, 0) for name in ("Actual Rows", "Rows Removed by Filter", "Rows Removed by Index Recheck")
        )
        yield node["Relation Name"], int(looked * node["Actual Loops"])
    for child in node.get("Plans", []):
        yield from rows_read(child)


def most_read(statements: list[str]) -> list[tuple[int, str, str]]:
    """Per scan of a statement: rows looked at, table, statement; the greediest first."""
    found = []
    for statement in statements:
        with connection.cursor() as cursor:
            cursor.execute(f"EXPLAIN (ANALYZE, FORMAT JSON) {statement}")
            plan = cursor.fetchone()[0]
        (top,) = json.loads(plan) if isinstance(plan, str) else plan
        found += [(rows, table, statement) for table, rows in rows_read(top["Plan"])]
    return sorted(found, reverse=True)


def reads_of(captured: CaptureQueriesContext) -> list[str]:
    return [query["sql"] for query in captured.captured_queries if query["sql"].startswith("SELECT")]


def assert_no_history_is_read(captured: CaptureQueriesContext) -> None:
    big = {model._meta.db_table for model in TABLES}
    reads = most_read(reads_of(captured))
    assert big & {table for _, table, _ in reads}
    rows, table, statement = reads[0]
    assert rows <= MOST_ROWS, f"{rows} rows of {table} are read by {statement}"


def test_neither_a_decision_nor_a_snapshot_reads_the_history(traded: Pipeline) -> None:
    write_days(traded, 365 * YEARS, round_trips=4)
    assert PnlSnapshot.objects.count() > 50_000
    assert LedgerEntry.objects.count() > 100_000
    assert Position.objects.count() > 10 * MOST_ROWS
    signal = requests.place_manual(
        traded.account, traded.infy, "BUY", 10, "LIMIT", "MIS", by="mehta", price=Decimal(1500)
    )
    with CaptureQueriesContext(connection) as captured:
        judge_signal(Signal.objects.select_related("account", "instrument").get(pk=signal.pk))
    assert RiskDecision.objects.get(signal=signal).refusal_codes == []
    assert_no_history_is_read(captured)
    with CaptureQueriesContext(connection) as captured:
        rows = take_snapshots(traded.account, at("10:01:00"), {traded.infy.pk: price("1500", "1490")})
    assert len(rows) == 6
    assert_no_history_is_read(captured)


def test_among_years_of_closed_lots_only_what_is_carried_opens_a_day(traded: Pipeline) -> None:
    write_days(traded, 7, round_trips=1)
    cost = Position.objects.open()[0].average_price
    assert cost is not None
    prices = {traded.infy.pk: price("1500", f"{cost + 7}")}
    state = load_state(Account.objects.get(), Marks(prices), at("10:00:00"))
    opened = sorted(state.day.opened_with(portfolio, prices) or 0 for portfolio in state.portfolios)
    assert opened == [0, 70, 70, 70, 70, 70]


def test_the_history_written_is_one_of_books_that_agree(traded: Pipeline) -> None:
    write_days(traded, 7, round_trips=1)
    account = Account.objects.get()
    assert account.cash == LedgerEntry.objects.cash(account.pk)
    assert account.version == Trade.objects.order_by("-sequence").values_list("sequence", flat=True)[0]
