"""Years of books, written behind booking's back: copies of one real day's rows, as many as a busy account makes.

Every portfolio buys and sells some times a day and is snapshotted every so many minutes; out of the newest day each
carries a lot. Each round trip leaves a flat position, too, as those in contracts that have expired do; of it only the
row is written. All by SQL in bulk, since booking them would take hours.
"""

from datetime import date
from typing import Any
from uuid import UUID

from django.db import connection, models, transaction

from alphapanda.core.ids import new_id
from instruments.models import Instrument
from portfolio.models import Account, LedgerEntry, Lot, PnlSnapshot, Portfolio, Position, Realisation, Trade
from trading.models import Order, Signal

PORTFOLIOS = 5
MINUTES_A_DAY = 375
TABLES = (Trade, LedgerEntry, Lot, Realisation, PnlSnapshot, Order, Signal, Position, Instrument)

# Of each trade its place, and the ids of all rows about it; the last of the newest day stays open.
LIST_TRADES = """
CREATE TEMPORARY TABLE one ON COMMIT DROP AS
SELECT *, bought AND is_newest AND number = %(trades)s AS stays_open,
       md5('trade ' || name)::uuid AS trade, md5('signal ' || name)::uuid AS signal, md5('order ' || name)::uuid AS own,
       md5('lot ' || CASE WHEN bought THEN name ELSE bought_as END)::uuid AS lot,
       md5('position ' || portfolio)::uuid AS position
FROM (
    SELECT row_number() OVER () AS n, portfolio, day, number, number %% 2 = 1 AS bought,
           day = %(last)s AND %(carries)s AS is_newest,
           (day + time '09:30' + number * interval '15 minutes') AT TIME ZONE 'Asia/Kolkata' AS at,
           portfolio || ' ' || day || ' ' || number AS name, portfolio || ' ' || day || ' ' || number - 1 AS bought_as
    FROM unnest(%(portfolios)s::uuid[]) AS portfolio,
         (SELECT day::date FROM generate_series(%(first)s::date, %(last)s::date, interval '1 day') AS day
          WHERE extract(isodow FROM day) < 6) AS days,
         generate_series(1, %(trades)s) AS number
    WHERE number < %(trades)s OR (day = %(last)s AND %(carries)s)
) AS trades
"""
# What differs from the copied row: columns as SQL over a row of ``one`` and the ``template``.
CHANGES: dict[type[models.Model], dict[str, str]] = {
    Signal: {"id": "signal", "key": "name", "market_time": "at", "expires_at": "at", "created_at": "at"},
    Order: {
        "id": "own",
        "signal_id": "signal",
        "tag": "left(md5(name), 20)",
        "portfolio_id": "portfolio",
        "market_time": "at",
    },
    Trade: {
        "id": "trade",
        "portfolio_id": "portfolio",
        "sequence": "n + %(version)s",
        "day": "one.day",
        "trade_id": "name",
        "broker_order_id": "name",
        "traded_at": "at",
        "booked_at": "at",
        "signed_quantity": "CASE WHEN bought THEN 1 ELSE -1 END * abs((template.copied).signed_quantity)",
    },
    LedgerEntry: {
        "id": "md5(name || (template.copied).kind)::uuid",
        "trade_id": "trade",
        "portfolio_id": "portfolio",
        "day": "one.day",
        "at": "at",
        "key": "name || (template.copied).kind",
        "amount": "CASE WHEN bought AND (template.copied).amount > 0 THEN -1 ELSE 1 END * (template.copied).amount",
    },
    Lot: {
        "id": "lot",
        "position_id": "position",
        "trade_id": "trade",
        "ordinal": "n + %(version)s",
        "day": "one.day",
        "remaining": "CASE WHEN stays_open THEN (template.copied).quantity ELSE 0 END",
    },
    Realisation: {"id": "md5('closed ' || name)::uuid", "lot_id": "lot", "trade_id": "trade", "day": "one.day"},
    Instrument: {"id": "md5('expired ' || name)::uuid", "tradingsymbol": "name", "listed": "false"},
}
WHERE: dict[type[models.Model], str] = {
    Lot: "WHERE bought",
    Realisation: "WHERE NOT bought",
    Instrument: "WHERE bought",
}

WRITE_POSITIONS = """
INSERT INTO portfolio_position (id, portfolio_id, instrument_id, product, quantity, open_value, average_price,
                                realised, opened_at, lots_opened, last_trade_id)
SELECT position, portfolio, lot_of.instrument_id, lot_of.product, lot_of.quantity, lot_of.quantity * lot_of.price,
       lot_of.price, 0, at, 1, trade
FROM one, (SELECT p.instrument_id, p.product, l.quantity, l.price FROM portfolio_lot l
           JOIN portfolio_position p ON p.id = l.position_id WHERE l.id = %(lot)s) AS lot_of
WHERE stays_open
"""
WRITE_FLAT_POSITIONS = """
INSERT INTO portfolio_position (id, portfolio_id, instrument_id, product, quantity, open_value, realised, lots_opened)
SELECT md5('flat ' || name)::uuid, portfolio, md5('expired ' || name)::uuid, 'NRML', 0, 0, 0, 0
FROM one WHERE bought
"""
WRITE_SNAPSHOTS = """
INSERT INTO portfolio_pnlsnapshot (id, portfolio_id, at, day, realised, unrealised, opened_with, charges, net, worst)
SELECT gen_random_uuid(), portfolio, (day + time '09:15' + minute * interval '1 minute') AT TIME ZONE 'Asia/Kolkata',
       day, 0, 10, 0, 0, 10, 0
FROM (SELECT DISTINCT portfolio, day FROM one) AS days, generate_series(%(apart)s, %(minutes)s, %(apart)s) AS minute
"""
BRING_UP_TO_DATE = """
UPDATE portfolio_account SET version = version + (SELECT count(*) FROM one),
    cash = (SELECT sum(amount) FROM portfolio_ledgerentry WHERE account_id = portfolio_account.id)
WHERE id = %(account)s
"""


@transaction.atomic
def write_history(account: Account, first: date, last: date, *, round_trips: int, minutes_apart: int) -> None:
    """Write the weekdays from ``first`` to ``last``; the account has booked one round trip already.

    Each of five portfolios makes so many round trips a day. Called again for earlier days it goes on with the same
    portfolios. Needs PostgreSQL's superuser, as the embedded one's user is.
    """
    account.refresh_from_db()
    closed = Realisation.objects.select_related("lot", "trade").filter(trade__account=account).latest("trade__sequence")
    owners, is_new = _owners(account)
    order = Order.objects.get(tag=closed.trade.order_tag)
    copied = [(Signal, order.signal_id), (Order, order.pk), (Trade, closed.trade_id)]
    copied += [(LedgerEntry, entry.pk) for entry in closed.trade.entries.all()]
    copied += [(Instrument, closed.trade.instrument_id)]
    with connection.cursor() as cursor:
        # Copies of sound rows: their references need no looking up, one by one, half a million times.
        cursor.execute("SET LOCAL statement_timeout = 0; SET LOCAL session_replication_role = replica")
        trades = {"trades": 2 * round_trips + 1, "portfolios": owners, "carries": is_new}
        cursor.execute(LIST_TRADES, {**trades, "first": first, "last": last})
        for model, key in copied:
            _copy_row(cursor, model, key, account.version)
        cursor.execute(WRITE_POSITIONS, {"lot": closed.lot_id})
        cursor.execute(WRITE_FLAT_POSITIONS)
        _copy_row(cursor, Lot, closed.lot_id, account.version)
        _copy_row(cursor, Realisation, closed.pk, account.version)
        cursor.execute(WRITE_SNAPSHOTS, {"apart": minutes_apart, "minutes": MINUTES_A_DAY})
        cursor.execute(BRING_UP_TO_DATE, {"account": account.pk})


def _owners(account: Account) -> tuple[list[UUID], bool]:
    """The portfolios whose history is written, and whether they have been made just now."""
    found = list(account.portfolios.filter(name__startswith="history").values_list("pk", flat=True))
    if found:
        return found, False
    made = [
        Portfolio.objects.create(account=account, deployment_id=new_id(), name=f"history {number}")
        for number in range(PORTFOLIOS)
    ]
    return [portfolio.pk for portfolio in made], True


def _copy_row(cursor: Any, model: type[models.Model], key: UUID, version: int) -> None:
    """Write the row ``key`` once more for each trade listed, with what differs."""
    table, changes = model._meta.db_table, CHANGES[model]
    columns = [field.column for field in model._meta.concrete_fields]
    values = [changes.get(column, f"(template.copied).{column}") for column in columns]
    cursor.execute(
        f"INSERT INTO {table} ({', '.join(columns)}) SELECT {', '.join(values)}"
        f" FROM one, (SELECT {table} AS copied FROM {table} WHERE id = %(key)s) AS template {WHERE.get(model, '')}",
        {"key": key, "version": version},
    )


def analyse_tables() -> None:
    """Let the planner know how much there is, as autovacuum does by and by."""
    with connection.cursor() as cursor:
        for model in TABLES:
            cursor.execute(f"VACUUM ANALYZE {model._meta.db_table}")
