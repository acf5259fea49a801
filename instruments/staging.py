"""Copies dumps into a temporary table, the fast way where they are sound and row by row where they are not."""

from collections.abc import Sequence
from typing import Any

import psycopg
from django.db import connection, transaction

from instruments.dumps import (
    COLUMNS,
    DumpSource,
    DumpUnreadable,
    Problem,
    Progress,
    read_blocks,
    read_header,
    read_rows,
    shape_problems,
)

MOST_PROBLEMS = 20

CREATE_INCOMING = """
DROP TABLE IF EXISTS incoming;
DROP SEQUENCE IF EXISTS incoming_row;
CREATE TEMPORARY SEQUENCE incoming_row;
CREATE TEMPORARY TABLE incoming (
    source_number smallint NOT NULL,
    row_number integer NOT NULL DEFAULT nextval('incoming_row'),
    instrument_token bigint,
    exchange_token bigint,
    tradingsymbol text,
    name text,
    last_price numeric,
    expiry text,
    strike numeric,
    tick_size numeric,
    lot_size bigint,
    instrument_type text,
    segment text,
    exchange text
) ON COMMIT DROP
"""


def stage_dumps(sources: Sequence[DumpSource], progress: Progress | None = None) -> list[Problem]:
    """Fill the temporary table ``incoming``; return the rows that do not fit it. Inside a transaction."""
    with connection.cursor() as cursor:
        cursor.execute(CREATE_INCOMING)
    problems: list[Problem] = []
    for number, source in enumerate(sources):
        try:
            problems += _stage_one(number, source, progress)
        except DumpUnreadable as unreadable:
            problems.append(unreadable.problem)
    return problems


def _stage_one(number: int, source: DumpSource, progress: Progress | None) -> list[Problem]:
    columns = read_header(source)
    with connection.cursor() as cursor:
        cursor.execute(f"ALTER TABLE incoming ALTER source_number SET DEFAULT {int(number)}")
        cursor.execute("ALTER SEQUENCE incoming_row RESTART WITH 2")
    try:
        with transaction.atomic():
            _copy_whole(source, columns, progress)
    except psycopg.DataError as refused:
        # PostgreSQL stops at the first row that does not fit; people want to see them all.
        return _copy_row_by_row(number, source, columns) or [Problem(source.name, None, _words(refused))]
    return []


def _copy_whole(source: DumpSource, columns: list[str], progress: Progress | None) -> None:
    # The names come from COLUMNS, whatever the file says: header() let no other pass.
    names = ", ".join(COLUMNS[COLUMNS.index(column)] for column in columns)
    statement = f"COPY incoming ({names}) FROM STDIN (FORMAT csv, HEADER true, ENCODING 'UTF8')"
    with connection.cursor() as cursor, cursor.copy(statement) as copy:
        for block in read_blocks(source, progress):
            copy.write(block)


def _copy_row_by_row(number: int, source: DumpSource, columns: list[str]) -> list[Problem]:
    problems: list[Problem] = []
    statement = f"COPY incoming (source_number, row_number, {', '.join(COLUMNS)}) FROM STDIN"
    with transaction.atomic(), connection.cursor() as cursor, cursor.copy(statement) as copy:
        for row, fields in read_rows(source):
            reasons = shape_problems(columns, fields)
            problems += [Problem(source.name, row, reason) for reason in reasons]
            if len(problems) > MOST_PROBLEMS:
                break
            if not reasons:
                copy.write_row((number, row, *_in_order(columns, fields)))
    return problems


def _in_order(columns: list[str], fields: list[str]) -> list[Any]:
    by_name = dict(zip(columns, fields, strict=True))
    return [by_name[column] or None for column in COLUMNS]


def _words(refused: psycopg.DataError) -> str:
    return f"PostgreSQL will not take it: {' '.join(str(refused).split())[:200]}"
