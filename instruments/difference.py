"""Finds what a staged dump changes, applies exactly that, and counts it."""

# ruff: noqa: S608 (the statements are put together from constants of this module; values are parameters)

from collections.abc import Sequence
from typing import Any

from django.db import connection

from alphapanda.core.ids import new_id
from instruments.renames import ask_uncertain_renames, follow_certain_renames
from instruments.reports import MOST_EXAMPLES, ExchangeChanges, LoadReport

# Columns that may change while an instrument stays the same one. The exchange token goes with the token.
WATCHED = ("name", "instrument_type", "segment", "strike", "tick_size", "lot_size", "instrument_token")
STORED = (*WATCHED, "exchange_token", "token_since", "listed", "last_seen")

_THEIRS = {
    "name": "coalesce(incoming.name, '')",
    "strike": "CASE WHEN incoming.strike > 0 THEN incoming.strike END",
}
_COMING = {column: _THEIRS.get(column, f"incoming.{column}") for column in WATCHED}
_EXPIRY = "nullif(incoming.expiry, '')::date"
_CHANGED = ", ".join(
    f"CASE WHEN standing.{column} IS DISTINCT FROM {coming} THEN '{column}' END" for column, coming in _COMING.items()
)


def _new_id(counter: str) -> str:
    """Return SQL for a UUIDv7 of this load: its moment, a counter, and hashed bits of a random seed.

    One hash a row: the operating system's randomness for every row took half the time of a load.
    """
    digits = f"lpad(to_hex({counter}), 8, '0')"
    return (
        f"(%(stamp)s || '7' || substr({digits}, 1, 3) || '8' || substr({digits}, 4, 5)"
        f" || substr(md5(%(seed)s || {digits}), 1, 10))::uuid"
    )


FIND_DIFFERENCE = f"""
CREATE TEMPORARY TABLE difference ON COMMIT DROP AS
SELECT
    coalesce(standing.id, {_new_id("(incoming.source_number * 16777216 + incoming.row_number)")}) AS id,
    incoming.exchange, incoming.tradingsymbol, {_EXPIRY} AS expiry,
    {", ".join(f"{coming} AS {column}" for column, coming in _COMING.items())},
    incoming.exchange_token,
    standing.id IS NULL AS is_new,
    standing.listed IS FALSE AS is_relisted,
    standing.instrument_token <> incoming.instrument_token AS has_new_token,
    standing.lot_size AS old_lot_size, standing.tick_size AS old_tick_size, standing.name AS old_name,
    standing.instrument_token AS old_instrument_token, standing.token_since AS old_token_since,
    CASE WHEN standing.id IS NULL THEN '{{}}'::text[] ELSE array_remove(ARRAY[{_CHANGED}], NULL) END AS columns
FROM incoming LEFT JOIN instruments_instrument AS standing
    ON standing.exchange = incoming.exchange AND standing.tradingsymbol = incoming.tradingsymbol
    AND standing.expiry IS NOT DISTINCT FROM {_EXPIRY}
WHERE standing.id IS NULL OR NOT standing.listed
    OR ({", ".join(f"standing.{column}" for column in WATCHED)}) IS DISTINCT FROM ({", ".join(_COMING.values())})
"""

# Gone are those that stand and did not come; what has expired was due to go. Where as many came as stand,
# and on most days they do, there is nobody to look for.
FIND_DEPARTED = f"""
CREATE TEMPORARY TABLE departed ON COMMIT DROP AS
SELECT standing.id, standing.exchange, standing.tradingsymbol, standing.expiry,
    coalesce(standing.expiry < %(day)s, false) AS is_expired
FROM instruments_instrument AS standing
WHERE standing.listed AND standing.exchange = ANY(%(exchanges)s) AND NOT EXISTS (
    SELECT FROM incoming WHERE incoming.exchange = standing.exchange
    AND incoming.tradingsymbol = standing.tradingsymbol AND {_EXPIRY} IS NOT DISTINCT FROM standing.expiry
) AND (SELECT count(*) FROM instruments_instrument WHERE listed AND exchange = ANY(%(exchanges)s))
    > (SELECT count(*) FROM incoming) - (SELECT count(*) FROM difference WHERE is_new OR is_relisted)
"""

# A token can move from one instrument to another within one load, and two can swap theirs: every token that
# leaves an instrument is written down and let go before any is given out.
RELEASE_TOKENS = f"""
WITH leaving AS (
    UPDATE instruments_instrument AS standing SET listed = false
    WHERE listed AND id IN (SELECT id FROM departed UNION ALL SELECT id FROM difference WHERE has_new_token)
    RETURNING id, instrument_token, coalesce(token_since, first_seen) AS since
)
INSERT INTO instruments_instrumenttoken (id, instrument_id, instrument_token, valid_from, valid_to)
SELECT {_new_id("row_number() OVER ()")}, id, instrument_token, since, greatest(%(day)s, since) FROM leaving
"""

# The day before this load that each exchange's dump was of: when the departed were last there.
DATE_DEPARTED = """
UPDATE instruments_instrument AS standing SET last_seen = coalesce((
    SELECT max(loads.day) FROM instruments_instrumentload AS loads
    WHERE loads.state = 'accepted' AND loads.rows ? standing.exchange
), standing.first_seen)
FROM departed WHERE departed.id = standing.id
"""

_INSERT = f"""
INSERT INTO instruments_instrument AS standing
    (id, exchange, tradingsymbol, expiry, {", ".join(STORED)}, has_derivatives, first_seen)
SELECT id, exchange, tradingsymbol, expiry, {", ".join(WATCHED)}, exchange_token,
    CASE WHEN has_new_token OR is_relisted THEN %(day)s::date ELSE old_token_since END,
    true, NULL, false, %(day)s
FROM difference
"""

# What is new cannot conflict while the lock is held, and inserting without looking takes half the time.
ADD = f"{_INSERT} WHERE is_new"

CHANGE = f"""{_INSERT} WHERE NOT is_new
ON CONFLICT ON CONSTRAINT instrument_identity DO UPDATE
    SET {", ".join(f"{column} = excluded.{column}" for column in STORED)}
    WHERE ({", ".join(f"standing.{column}" for column in STORED)})
        IS DISTINCT FROM ({", ".join(f"excluded.{column}" for column in STORED)})
"""

MARK_SHARES_WITH_FUTURES = """
UPDATE instruments_instrument AS share SET has_derivatives = NOT has_derivatives
WHERE instrument_type = 'EQ' AND segment <> 'INDICES' AND has_derivatives <> (tradingsymbol IN (
    SELECT name FROM instruments_instrument WHERE listed AND instrument_type = 'FUT'
))
"""

# Whose each given token was last, if it was another's.
FIND_RECYCLED = """
CREATE TEMPORARY TABLE recycled ON COMMIT DROP AS
SELECT exchange, instrument_token, tradingsymbol, former FROM (
    SELECT DISTINCT ON (difference.id) difference.id, difference.exchange, difference.instrument_token,
        difference.tradingsymbol, former.id AS former_id, former.tradingsymbol AS former
    FROM instruments_instrumenttoken AS held
    JOIN difference ON difference.instrument_token = held.instrument_token
    JOIN instruments_instrument AS former ON former.id = held.instrument_id
    WHERE is_new OR is_relisted OR has_new_token
    ORDER BY difference.id, held.valid_to DESC, held.id DESC
) AS given WHERE former_id <> id
"""

_WHERE = {
    "new": "difference WHERE is_new",
    "relisted": "difference WHERE is_relisted",
    "changed": "difference WHERE NOT is_new AND NOT is_relisted",
    "expired": "departed WHERE is_expired",
    "gone": "departed WHERE NOT is_expired",
    "recycled": "recycled WHERE true",
}
COUNT_CHANGES = " UNION ALL ".join(
    f"SELECT exchange, '{kind}', count(*) FROM {where} GROUP BY exchange" for kind, where in _WHERE.items()
)

COUNT_COLUMNS = """
SELECT exchange, changed, count(*) FROM difference, unnest(columns) AS changed
WHERE NOT is_new AND NOT is_relisted GROUP BY exchange, changed ORDER BY count(*) DESC, changed
"""

_CHANGE_WORDS = """
concat_ws(', ',
    CASE WHEN 'lot_size' = ANY(columns) THEN format('lot %%s → %%s', old_lot_size, lot_size) END,
    CASE WHEN 'tick_size' = ANY(columns)
        THEN format('tick %%s → %%s', trim_scale(old_tick_size), trim_scale(tick_size)) END,
    CASE WHEN has_new_token THEN format('token %%s → %%s', old_instrument_token, instrument_token) END,
    CASE WHEN 'name' = ANY(columns) THEN format('name %%L → %%L', old_name, name) END,
    CASE WHEN columns && ARRAY['segment', 'instrument_type', 'strike'] THEN 'kind of contract' END)
"""
_WORDS = {
    "relisted": f"concat_ws(': ', tradingsymbol, nullif({_CHANGE_WORDS}, ''))",
    "changed": f"concat_ws(': ', tradingsymbol, nullif({_CHANGE_WORDS}, ''))",
    "recycled": "format('%%s: %%s → %%s', instrument_token, former, tradingsymbol)",
}


def apply_difference(report: LoadReport, exchanges: Sequence[str]) -> None:
    """Make what stands equal to the temporary table ``incoming`` and fill in the report."""
    born = new_id().hex
    asked = {"day": report.day, "exchanges": list(exchanges), "stamp": born[:12], "seed": born}
    renamed = _find(report, asked)
    for statement in (RELEASE_TOKENS, DATE_DEPARTED, FIND_RECYCLED, ADD, CHANGE):
        _do(statement, asked)
    assert report.day is not None
    ask_uncertain_renames(report.day)
    _fill_in(report)
    for exchange, former, symbol in renamed:
        report.exchanges[exchange].note_renamed(former, symbol)
    if any(changes.unchanged < changes.rows or changes.gone + changes.expired for changes in report.exchanges.values()):
        _do(MARK_SHARES_WITH_FUTURES, {})


def _find(report: LoadReport, asked: dict[str, Any]) -> list[tuple[str, str, str]]:
    """Find what is new, changed and gone, once more where something that seemed gone was only renamed."""
    assert report.day is not None
    renamed: list[tuple[str, str, str]] = []
    while True:
        _do("DROP TABLE IF EXISTS difference, departed, recycled", {})
        for statement in (FIND_DIFFERENCE, FIND_DEPARTED):
            _do(statement, asked)
        if not (found := follow_certain_renames(report.day)):
            return renamed
        renamed += found


def _fill_in(report: LoadReport) -> None:
    for exchange, kind, count in _ask(COUNT_CHANGES):
        changes = report.exchanges.setdefault(exchange, ExchangeChanges())
        setattr(changes, kind, count)
        changes.examples[kind] = _examples(exchange, kind)
    for exchange, column, count in _ask(COUNT_COLUMNS):
        report.exchanges[exchange].columns[column] = count
    for changes in report.exchanges.values():
        changes.unchanged = changes.rows - changes.new - changes.relisted - changes.changed


def _examples(exchange: str, kind: str) -> list[str]:
    """Return the first few by symbol: enough to recognise what happened."""
    words = _WORDS.get(kind, "tradingsymbol")
    question = f"SELECT {words} FROM {_WHERE[kind]} AND exchange = %(exchange)s ORDER BY tradingsymbol LIMIT %(most)s"
    return [line for (line,) in _ask(question, exchange=exchange, most=MOST_EXAMPLES)]


def _do(statement: str, asked: dict[str, Any]) -> None:
    with connection.cursor() as cursor:
        cursor.execute(statement, asked)


def _ask(question: str, **asked: Any) -> list[tuple[Any, ...]]:
    with connection.cursor() as cursor:
        cursor.execute(question, asked)
        answer: list[tuple[Any, ...]] = cursor.fetchall()
        return answer
