"""Finds what a staged dump changes, applies exactly that, and counts it."""

# ruff: noqa: S608 (the statements are put together from constants of this module; values are parameters)

from collections.abc import Sequence
from typing import Any

from django.db import connection

from instruments.reports import MOST_EXAMPLES, ExchangeChanges, LoadReport

# Columns that may change while an instrument stays the same one. The exchange token goes with the token.
WATCHED = ("name", "instrument_type", "segment", "strike", "tick_size", "lot_size", "instrument_token")
STORED = (*WATCHED, "exchange_token", "listed", "last_seen")

# UUIDv7 of the database's own: PostgreSQL has the function only since 18.
NEW_ID = """encode(set_bit(set_bit(overlay(uuid_send(gen_random_uuid()) PLACING
    substring(int8send((extract(epoch FROM clock_timestamp()) * 1000)::bigint) FROM 3) FROM 1 FOR 6),
    52, 1), 53, 1), 'hex')::uuid"""

_THEIRS = {
    "name": "coalesce(incoming.name, '')",
    "strike": "CASE WHEN incoming.strike > 0 THEN incoming.strike END",
}
_CHANGED = ", ".join(
    f"CASE WHEN standing.{column} IS DISTINCT FROM {_THEIRS.get(column, f'incoming.{column}')} THEN '{column}' END"
    for column in WATCHED
)

FIND_DIFFERENCE = f"""
DROP TABLE IF EXISTS difference;
DROP TABLE IF EXISTS departed;
CREATE TEMPORARY TABLE difference ON COMMIT DROP AS
SELECT
    coalesce(standing.id, {NEW_ID}) AS id,
    incoming.exchange, incoming.tradingsymbol, nullif(incoming.expiry, '')::date AS expiry,
    {", ".join(f"{_THEIRS.get(column, f'incoming.{column}')} AS {column}" for column in WATCHED)},
    incoming.exchange_token,
    standing.id IS NULL AS is_new,
    standing.listed IS FALSE AS is_relisted,
    standing.lot_size AS old_lot_size, standing.tick_size AS old_tick_size, standing.name AS old_name,
    standing.instrument_token AS old_instrument_token,
    CASE WHEN standing.id IS NULL THEN '{{}}'::text[] ELSE array_remove(ARRAY[{_CHANGED}], NULL) END AS columns
FROM incoming LEFT JOIN instruments_instrument AS standing
    ON standing.exchange = incoming.exchange AND standing.tradingsymbol = incoming.tradingsymbol
    AND standing.expiry IS NOT DISTINCT FROM nullif(incoming.expiry, '')::date
WHERE standing.id IS NULL OR NOT standing.listed OR ({", ".join(f"standing.{column}" for column in WATCHED)})
    IS DISTINCT FROM ({", ".join(_THEIRS.get(column, f"incoming.{column}") for column in WATCHED)});
ANALYZE difference;
"""

# Gone are those that stand and did not come; what has expired was due to go.
FIND_DEPARTED = """
CREATE TEMPORARY TABLE departed ON COMMIT DROP AS
SELECT standing.id, standing.exchange, standing.tradingsymbol, standing.expiry,
    coalesce(standing.expiry < %(day)s, false) AS is_expired
FROM instruments_instrument AS standing
WHERE standing.listed AND standing.exchange = ANY(%(exchanges)s) AND NOT EXISTS (
    SELECT FROM incoming WHERE incoming.exchange = standing.exchange
    AND incoming.tradingsymbol = standing.tradingsymbol
    AND nullif(incoming.expiry, '')::date IS NOT DISTINCT FROM standing.expiry
);
"""

# The day before this load that each exchange's dump was last seen on: when the departed were last there.
UNLIST = """
UPDATE instruments_instrument AS standing SET listed = false, last_seen = coalesce((
    SELECT max(loads.day) FROM instruments_instrumentload AS loads
    WHERE loads.state = 'accepted' AND loads.rows ? standing.exchange
), standing.first_seen)
FROM departed WHERE departed.id = standing.id
"""

CLOSE_TOKENS = """
UPDATE instruments_instrumenttoken AS held SET valid_to = greatest(%(day)s, held.valid_from)
WHERE held.valid_to IS NULL AND held.instrument_id IN (
    SELECT id FROM departed UNION ALL SELECT id FROM difference WHERE 'instrument_token' = ANY(columns)
)
"""

UPSERT = f"""
INSERT INTO instruments_instrument AS standing
    (id, exchange, tradingsymbol, expiry, {", ".join(STORED)}, has_derivatives, first_seen)
SELECT id, exchange, tradingsymbol, expiry, {", ".join(WATCHED)}, exchange_token, true, NULL, false, %(day)s
FROM difference
ON CONFLICT ON CONSTRAINT instrument_identity DO UPDATE
    SET {", ".join(f"{column} = excluded.{column}" for column in STORED)}
    WHERE ({", ".join(f"standing.{column}" for column in STORED)})
        IS DISTINCT FROM ({", ".join(f"excluded.{column}" for column in STORED)})
"""

OPEN_TOKENS = f"""
INSERT INTO instruments_instrumenttoken (id, instrument_id, instrument_token, valid_from)
SELECT {NEW_ID}, id, instrument_token, %(day)s
FROM difference WHERE is_new OR is_relisted OR 'instrument_token' = ANY(columns)
"""

MARK_SHARES_WITH_FUTURES = """
UPDATE instruments_instrument AS share SET has_derivatives = NOT has_derivatives
WHERE instrument_type = 'EQ' AND segment <> 'INDICES' AND has_derivatives <> (tradingsymbol IN (
    SELECT name FROM instruments_instrument WHERE listed AND instrument_type = 'FUT'
))
"""

COUNT_ROWS = "SELECT exchange, count(*) FROM incoming GROUP BY exchange ORDER BY exchange"

COUNT_CHANGES = """
SELECT exchange, count(*) FILTER (WHERE is_new), count(*) FILTER (WHERE is_relisted),
    count(*) FILTER (WHERE NOT is_new AND NOT is_relisted) FROM difference GROUP BY exchange
"""

COUNT_COLUMNS = """
SELECT exchange, changed, count(*) FROM difference, unnest(columns) AS changed
WHERE NOT is_relisted GROUP BY exchange, changed ORDER BY count(*) DESC, changed
"""

COUNT_DEPARTED = """
SELECT exchange, count(*) FILTER (WHERE is_expired), count(*) FILTER (WHERE NOT is_expired)
FROM departed GROUP BY exchange
"""

RECYCLED = """
CREATE TEMPORARY TABLE recycled ON COMMIT DROP AS
SELECT difference.exchange, difference.instrument_token, difference.tradingsymbol, former.tradingsymbol AS former
FROM difference
JOIN LATERAL (
    SELECT instrument.tradingsymbol, held.instrument_id FROM instruments_instrumenttoken AS held
    JOIN instruments_instrument AS instrument ON instrument.id = held.instrument_id
    WHERE held.instrument_token = difference.instrument_token AND held.valid_to IS NOT NULL
    ORDER BY held.valid_to DESC, held.valid_from DESC LIMIT 1
) AS former ON former.instrument_id <> difference.id
WHERE is_new OR is_relisted OR 'instrument_token' = ANY(columns)
"""

_CHANGE_WORDS = """
concat_ws(', ',
    CASE WHEN 'lot_size' = ANY(columns) THEN format('lot %%s → %%s', old_lot_size, lot_size) END,
    CASE WHEN 'tick_size' = ANY(columns)
        THEN format('tick %%s → %%s', trim_scale(old_tick_size), trim_scale(tick_size)) END,
    CASE WHEN 'instrument_token' = ANY(columns)
        THEN format('token %%s → %%s', old_instrument_token, instrument_token) END,
    CASE WHEN 'name' = ANY(columns) THEN format('name %%L → %%L', old_name, name) END,
    CASE WHEN columns && ARRAY['segment', 'instrument_type', 'strike'] THEN 'kind of contract' END)
"""

# The first few of each kind, by symbol: enough to recognise what happened.
EXAMPLES = f"""
SELECT exchange, kind, words FROM (
    SELECT *, row_number() OVER (PARTITION BY exchange, kind ORDER BY words) AS place FROM (
        SELECT exchange, CASE WHEN is_new THEN 'new' WHEN is_relisted THEN 'relisted' ELSE 'changed' END AS kind,
            concat_ws(': ', tradingsymbol, nullif({_CHANGE_WORDS}, '')) AS words FROM difference
        UNION ALL
        SELECT exchange, CASE WHEN is_expired THEN 'expired' ELSE 'gone' END, tradingsymbol FROM departed
        UNION ALL
        SELECT exchange, 'recycled', format('%%s: %%s → %%s', instrument_token, former, tradingsymbol) FROM recycled
    ) AS every
) AS placed WHERE place <= {MOST_EXAMPLES} ORDER BY exchange, kind, place
"""


def apply(report: LoadReport, exchanges: Sequence[str]) -> None:
    """Make what stands equal to the temporary table ``incoming`` and fill in the report."""
    asked = {"day": report.day, "exchanges": list(exchanges)}
    for statement in (FIND_DIFFERENCE, FIND_DEPARTED, UNLIST, CLOSE_TOKENS):
        _do(statement, asked)
    # A token can move from one instrument to another within one load: closed above, opened only now.
    for statement in ("DROP TABLE IF EXISTS recycled", RECYCLED, UPSERT, OPEN_TOKENS, MARK_SHARES_WITH_FUTURES):
        _do(statement, asked)
    _fill_in(report)


def _fill_in(report: LoadReport) -> None:
    report.exchanges = {exchange: ExchangeChanges(rows=count) for exchange, count in _ask(COUNT_ROWS)}
    for exchange, new, relisted, changed in _ask(COUNT_CHANGES):
        changes = report.exchanges[exchange]
        changes.new, changes.relisted, changes.changed = new, relisted, changed
    for exchange, column, count in _ask(COUNT_COLUMNS):
        report.exchanges[exchange].columns[column] = count
    for exchange, expired, gone in _ask(COUNT_DEPARTED):
        report.exchanges[exchange].expired, report.exchanges[exchange].gone = expired, gone
    for exchange, count in _ask("SELECT exchange, count(*) FROM recycled GROUP BY exchange"):
        report.exchanges[exchange].recycled = count
    for exchange, kind, words in _ask(EXAMPLES):
        report.exchanges[exchange].examples.setdefault(kind, []).append(words)
    for changes in report.exchanges.values():
        changes.unchanged = changes.rows - changes.new - changes.relisted - changes.changed


def _do(statement: str, asked: dict[str, Any]) -> None:
    with connection.cursor() as cursor:
        cursor.execute(statement, asked)


def _ask(question: str) -> list[tuple[Any, ...]]:
    with connection.cursor() as cursor:
        cursor.execute(question, {})
        answer: list[tuple[Any, ...]] = cursor.fetchall()
        return answer
