"""Each list of the API, with many rows that differ in nothing but their ids: every row once, onwards and back."""

from typing import Any

import pytest
from django.db import connection
from rest_framework.test import APIClient

from alphapanda.core.journal.models import DeadLetter
from market.models import Candle
from portfolio.models import PnlSnapshot
from tests.scale import by_night
from trading.api.tokens import make_token
from trading.exits.opening import exit_holding
from trading.models import Backtest, BrokerSession, Evaluation, RiskLimit
from trading.orders.life_cycle import Urgency
from trading.tests.api.conftest import api_routes, make_user, problems_of

LISTS = {
    entry.name.removesuffix("-list"): entry.callback.cls
    for entry in api_routes()
    if entry.name.endswith("-list") and getattr(entry.callback.cls, "pagination_class", None)
}
MANY = by_night(3000, otherwise=300)
PAGE = by_night(700, otherwise=70)


@pytest.fixture
def furnished(pipeline: Any) -> None:
    """A row for every list."""
    pipeline.trade("1505", "1499", "1499", "1499", parameters={"buy_at": "1500", "sell_at": "1510"})
    account, infy, now = pipeline.account, pipeline.infy, pipeline.now
    run = account.deployments.get().runs.get()
    position = account.portfolios.exclude(deployment_id=None).get().positions.get()
    Candle.objects.create(instrument=infy, interval=1, start=now, open=1, high=1, low=1, close=1)
    Evaluation.objects.create(run=run, instrument=infy, at=now, text="inside its range")
    PnlSnapshot.objects.create(
        portfolio=position.portfolio, at=now, day=now.date(), realised=0, unrealised=0, charges=0, net=0
    )
    RiskLimit.objects.create(account=account, max_open_orders=12)
    BrokerSession.objects.create(account=account, api_key="key")
    DeadLetter.objects.create(task="assess_signals", partition="a", key="1", attempts=3, error="x")
    Backtest.objects.create(strategy="momentum", request={}, asked_by="mehta")
    exit_holding(position, Urgency.NOW, "exit by mehta", "mehta")


def multiply_rows(table: str, columns: list[Any]) -> None:
    """Copy one row so many times, with its triggers, foreign keys and unique columns out of force."""
    others = [f'"{name}"' for name in columns if name != "id"]
    # A candle has no id outside; there its volume tells the rows apart.
    values = ["copy" if name == '"volume"' else name for name in others]
    with connection.cursor() as cursor:
        cursor.execute("SET CONSTRAINTS ALL IMMEDIATE; SET LOCAL session_replication_role = replica")
        cursor.execute(
            "SELECT c.relname, con.conname FROM pg_index i JOIN pg_class c ON c.oid = i.indexrelid"
            " LEFT JOIN pg_constraint con ON con.conindid = i.indexrelid AND con.contype IN ('u', 'x')"
            " WHERE i.indrelid = %s::regclass AND i.indisunique AND NOT i.indisprimary",
            [table],
        )
        for index, constraint in cursor.fetchall():
            cursor.execute(
                f'ALTER TABLE {table} DROP CONSTRAINT "{constraint}" CASCADE' if constraint else f'DROP INDEX "{index}"'
            )
        cursor.execute(
            f"INSERT INTO {table} (id, {', '.join(others)}) SELECT gen_random_uuid(), {', '.join(values)}"
            f" FROM (SELECT * FROM {table} LIMIT 1), generate_series(1, {MANY}) AS copy"
        )
        cursor.execute("SET LOCAL session_replication_role = origin")


def walk(client: APIClient, address: str | None, way: str) -> tuple[list[Any], str | None]:
    """Return the ids of all pages from ``address`` on, and the address of the last page."""
    ids: list[Any] = []
    last = address
    while address and len(ids) < 3 * MANY:
        last, body = address, client.get(address).json()
        found = [row.get("id") or row["volume"] for row in body["results"]]
        ids = ids + found if way == "next" else found + ids
        address = body[way]
    return ids, last


@pytest.mark.parametrize("name", LISTS)
def test_every_one_of_many_rows_alike_is_on_exactly_one_page(furnished: None, name: str) -> None:
    client, user = APIClient(), make_user()
    client.force_login(user)
    make_token(user, "my script", "read", 30)
    model = LISTS[name].queryset.model
    multiply_rows(model._meta.db_table, [field.column for field in model._meta.concrete_fields])
    onwards, last = walk(client, f"/api/v1/{name}/?page_size={PAGE}", "next")
    back, _ = walk(client, last, "previous")
    assert len(onwards) == len(set(onwards)) > MANY
    assert back == onwards


CURSORS = ["nonsense", "", "W10=", "W2ZhbHNlLCJ4Il0=", "W2ZhbHNlLDFd", "é", "W2ZhbHNlLCJcdTAwMDAiXQ=="]
SIZES = ["0", "-1", "3001", "ten", "1e2", "٣", "", "9" * 5000]


@pytest.mark.parametrize("name", LISTS)
def test_a_cursor_that_no_page_gave_is_refused_in_words(person: Any, account: Any, name: str) -> None:
    for cursor in CURSORS:
        answer = person.get(f"/api/v1/{name}/", {"cursor": cursor})
        assert (answer.status_code, problems_of(answer)["cursor"][:20]) == (400, "No page begins here."), cursor


@pytest.mark.parametrize("name", LISTS)
def test_a_page_of_a_size_there_is_not_is_refused_in_words(person: Any, account: Any, name: str) -> None:
    for size in SIZES:
        answer = person.get(f"/api/v1/{name}/", {"page_size": size})
        assert (answer.status_code, problems_of(answer)["page_size"][:22]) == (400, "A whole number from 1 "), size
