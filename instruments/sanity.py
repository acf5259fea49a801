"""The rules a dump must keep before it may replace what stands, each asked of the staged rows in one pass."""

# ruff: noqa: S608 (the statements are put together from constants of this module; values are parameters)

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date
from typing import Any

from django.db import connection

from alphapanda.core.figures import whole
from instruments.domain.contracts import EXCHANGES, INDICES, OTHER_EXCHANGES, SEGMENT_BYTES
from instruments.dumps import COLUMNS, MAY_BE_EMPTY, Problem
from instruments.staging import MOST_PROBLEMS

LARGEST_DROP = 0.20

_BYTE = "CASE exchange || ' ' || segment " + " ".join(
    f"WHEN '{exchange} {segment}' THEN {byte}" for (exchange, segment), byte in SEGMENT_BYTES.items()
)
_BYTE += " END"
_KNOWN = ", ".join(f"'{exchange}'" for exchange in (*EXCHANGES, *OTHER_EXCHANGES))
_IS_INDEX = f"segment = '{INDICES}'"
_TYPE_FITS = f"""CASE
    WHEN segment IN ('NSE', 'BSE', '{INDICES}') THEN instrument_type = 'EQ'
    WHEN segment LIKE '%%-FUT' THEN instrument_type = 'FUT'
    WHEN segment LIKE '%%-OPT' THEN instrument_type IN ('CE', 'PE')
END"""


@dataclass(frozen=True, slots=True)
class RowRule:
    """What must be true of a row, and the words for it when it is not; both SQL over ``incoming``."""

    holds: str
    words: str


_MUST_BE_THERE = [column for column in COLUMNS if column not in MAY_BE_EMPTY and column != "exchange"]
_EMPTY = ", ".join(f"CASE WHEN coalesce({column}::text, '') = '' THEN '{column}' END" for column in _MUST_BE_THERE)
_IS_CASH = f"segment IN ('NSE', 'BSE', '{INDICES}')"

# A rule that meets an empty column has no answer; the first one speaks of those.
ROW_RULES = (
    RowRule(f"num_nulls({', '.join(_MUST_BE_THERE)}) = 0", f"concat_ws(', ', {_EMPTY}) || ' is empty'"),
    RowRule(
        "tradingsymbol <> '' AND length(tradingsymbol) <= 64 AND tradingsymbol = btrim(tradingsymbol)"
        " AND tradingsymbol !~ '[[:cntrl:]<>]'",
        "format('tradingsymbol %%L is not a symbol', left(tradingsymbol, 70))",
    ),
    RowRule("length(coalesce(name, '')) <= 200", "format('name is %%s characters long', length(name))"),
    RowRule(f"({_BYTE}) IS NOT NULL", "format('segment %%L does not belong to exchange %%s', segment, exchange)"),
    RowRule(_TYPE_FITS, "format('instrument_type %%L does not fit segment %%s', instrument_type, segment)"),
    RowRule(
        f"exchange_token > 0 AND instrument_token = exchange_token * 256 + {_BYTE}",
        "format('instrument_token %%s is not exchange_token %%s × 256 + the byte of segment %%s',"
        " instrument_token, exchange_token, segment)",
    ),
    RowRule(
        f"(coalesce(expiry, '') = '') = ({_IS_CASH})",
        "format('expiry %%L does not fit segment %%s', coalesce(expiry, ''), segment)",
    ),
    RowRule(
        "coalesce(expiry, '') = '' OR (expiry LIKE '20__-__-__' AND pg_input_is_valid(expiry, 'date'))",
        "format('expiry %%L is not a date such as 2026-08-25', left(expiry, 40))",
    ),
    RowRule(
        "CASE WHEN segment LIKE '%%-OPT' THEN strike > 0 AND strike < 1e8 AND strike = round(strike, 4)"
        " ELSE coalesce(strike, 0) = 0 END",
        "format('strike %%s does not fit segment %%s', strike, segment)",
    ),
    RowRule(
        f"tick_size >= 0 AND tick_size < 1e6 AND tick_size = round(tick_size, 4) AND (tick_size > 0 OR {_IS_INDEX})",
        "format('tick_size %%s is not a price step', tick_size)",
    ),
    RowRule(
        f"lot_size >= 0 AND lot_size < 1e9 AND (lot_size > 0 OR {_IS_INDEX})",
        "format('lot_size %%s is not a quantity', lot_size)",
    ),
)

KNOWN_EXCHANGE = f"""
SELECT source_number, row_number, format('exchange %%L is unknown', exchange)
FROM incoming WHERE (exchange IN ({_KNOWN})) IS NOT TRUE ORDER BY 1, 2 LIMIT {MOST_PROBLEMS}
"""

# The first condition keeps the sound rows, nearly all of them, from being asked for words.
BAD_ROWS = f"""
SELECT source_number, row_number, reason FROM (
    SELECT source_number, row_number, unnest(ARRAY[
        {", ".join(f"CASE WHEN ({rule.holds}) IS FALSE THEN {rule.words} END" for rule in ROW_RULES)}
    ]) AS reason
    FROM incoming WHERE ({" AND ".join(f"({rule.holds})" for rule in ROW_RULES)}) IS NOT TRUE
) AS bad WHERE reason IS NOT NULL ORDER BY 1, 2 LIMIT {MOST_PROBLEMS}
"""

TWICE = """
SELECT source_number, row_number, format('{column} %%s is also in %%s, row %%s',
    {value}, (%(names)s::text[])[first_source + 1], first_row)
FROM (
    SELECT *, first_value(source_number) OVER same AS first_source, first_value(row_number) OVER same AS first_row
    FROM incoming
    JOIN (SELECT {key} FROM incoming GROUP BY {key} HAVING count(*) > 1) AS twice USING ({key})
    WINDOW same AS (PARTITION BY {key} ORDER BY source_number, row_number)
) AS repeated
WHERE (source_number, row_number) <> (first_source, first_row)
ORDER BY 1, 2 LIMIT {most}
"""
TOKEN_TWICE = TWICE.format(
    column="instrument_token", value="instrument_token", key="instrument_token", most=MOST_PROBLEMS
)
SYMBOL_TWICE = TWICE.format(
    column="tradingsymbol",
    value="exchange || ':' || tradingsymbol",
    key="exchange, tradingsymbol",
    most=MOST_PROBLEMS,
)

EXPIRED = f"""
SELECT source_number, row_number, format('expired on %%s, before %%s, the day of this load', expiry, %(day)s::date)
FROM incoming WHERE expiry <> '' AND expiry COLLATE "C" < %(day)s::date::text ORDER BY 1, 2 LIMIT {MOST_PROBLEMS}
"""

SHRUNK = """
SELECT stood.exchange, stood.standing, coalesce(came.coming, 0) FROM (
    SELECT exchange, count(*) AS standing FROM instruments_instrument
    WHERE listed AND exchange = ANY(%(exchanges)s) AND (expiry IS NULL OR expiry >= %(day)s) GROUP BY exchange
) AS stood
LEFT JOIN (SELECT exchange, count(*) AS coming FROM incoming GROUP BY exchange) AS came USING (exchange)
WHERE coalesce(came.coming, 0) < stood.standing * %(least)s
"""

INDEX_MISSING = f"""
SELECT exchange, tradingsymbol FROM instruments_instrument AS standing
WHERE listed AND segment = '{INDICES}' AND exchange = ANY(%(exchanges)s) AND NOT EXISTS (
    SELECT FROM incoming WHERE incoming.exchange = standing.exchange
    AND incoming.tradingsymbol = standing.tradingsymbol AND incoming.segment = '{INDICES}'
) ORDER BY 1, 2 LIMIT {MOST_PROBLEMS}
"""

HELD_ELSEWHERE = f"""
SELECT source_number, row_number,
    format('instrument_token %%s is %%s:%%s''s, which this load does not touch',
        incoming.instrument_token, standing.exchange, standing.tradingsymbol)
FROM incoming JOIN instruments_instrument AS standing USING (instrument_token)
WHERE standing.listed AND NOT standing.exchange = ANY(%(exchanges)s) ORDER BY 1, 2 LIMIT {MOST_PROBLEMS}
"""


def row_problems(names: Sequence[str]) -> list[Problem]:
    """Return what is wrong with rows as such, and with rows given twice."""
    return [*_ask(names, BAD_ROWS), *_ask(names, TOKEN_TWICE), *_ask(names, SYMBOL_TWICE)]


def unknown_exchanges(names: Sequence[str]) -> list[Problem]:
    return _ask(names, KNOWN_EXCHANGE)


def expired_contracts(names: Sequence[str], day: date) -> list[Problem]:
    """A dump holds no contract that has expired: one that does is old."""
    return _ask(names, EXPIRED, day=day)


def held_elsewhere(names: Sequence[str], exchanges: Sequence[str]) -> list[Problem]:
    return _ask(names, HELD_ELSEWHERE, exchanges=list(exchanges))


def suspicious_losses(exchanges: Sequence[str], day: date) -> list[Problem]:
    """Return what stands and would vanish in a way that looks like a broken dump."""
    asked = {"exchanges": list(exchanges), "day": day, "least": 1 - LARGEST_DROP}
    shrunk = [
        Problem(
            "", None, f"{exchange}: {whole(coming)} rows where {whole(standing)} stand, {_drop(coming, standing)} fewer"
        )
        for exchange, standing, coming in _fetch(SHRUNK, asked)
    ]
    missing = [
        Problem("", None, f"{exchange}: the index {symbol} is missing, which stood before")
        for exchange, symbol in _fetch(INDEX_MISSING, asked)
    ]
    return shrunk + missing


def _drop(coming: int, standing: int) -> str:
    return f"{100 * (standing - coming) / standing:.0f} %"


def _ask(names: Sequence[str], question: str, **asked: Any) -> list[Problem]:
    answers = _fetch(question, {**asked, "names": list(names)})
    return [Problem(names[number], row, reason) for number, row, reason in answers]


def _fetch(question: str, asked: dict[str, Any]) -> list[tuple[Any, ...]]:
    with connection.cursor() as cursor:
        cursor.execute(question, asked)
        answer: list[tuple[Any, ...]] = cursor.fetchall()
        return answer
