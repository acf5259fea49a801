"""What survives a restart or a kill -9: one SQLite file in the state folder."""

import contextlib
import json
import sqlite3
from collections.abc import Iterator
from pathlib import Path
from typing import Any

_SCHEMA = """
CREATE TABLE IF NOT EXISTS facts (name TEXT PRIMARY KEY, value TEXT NOT NULL);
CREATE TABLE IF NOT EXISTS orders (order_id TEXT PRIMARY KEY, day TEXT NOT NULL, value TEXT NOT NULL);
CREATE TABLE IF NOT EXISTS trades (n INTEGER PRIMARY KEY, day TEXT NOT NULL, value TEXT NOT NULL);
CREATE TABLE IF NOT EXISTS requests (n INTEGER PRIMARY KEY, value TEXT NOT NULL);
"""


class Store:
    """Every write is its own transaction, on disk for other processes to read when the call returns."""

    def __init__(self, folder: Path | None) -> None:
        if folder:
            folder.mkdir(parents=True, exist_ok=True)
        self._db = sqlite3.connect(folder / "kitesim.sqlite3" if folder else ":memory:", isolation_level=None)
        self._db.execute("PRAGMA journal_mode=WAL")
        self._db.execute("PRAGMA synchronous=NORMAL")
        self._db.executescript(_SCHEMA)

    def get(self, name: str) -> Any:
        """The fact, or None."""
        found = self._db.execute("SELECT value FROM facts WHERE name = ?", (name,)).fetchone()
        return json.loads(found[0]) if found else None

    def put(self, name: str, value: Any) -> None:
        self._db.execute("INSERT OR REPLACE INTO facts VALUES (?, ?)", (name, json.dumps(value)))

    def save_order(self, order_id: str, day: str, value: dict[str, Any]) -> None:
        self._db.execute("INSERT OR REPLACE INTO orders VALUES (?, ?, ?)", (order_id, day, json.dumps(value)))

    def orders_of(self, day: str) -> Iterator[dict[str, Any]]:
        rows = self._db.execute("SELECT value FROM orders WHERE day = ? ORDER BY order_id", (day,))
        return (json.loads(value) for (value,) in rows.fetchall())

    def add_trade(self, day: str, value: dict[str, Any]) -> None:
        self._db.execute("INSERT INTO trades (day, value) VALUES (?, ?)", (day, json.dumps(value)))

    def trades_of(self, day: str) -> list[dict[str, Any]]:
        rows = self._db.execute("SELECT value FROM trades WHERE day = ? ORDER BY n", (day,))
        return [json.loads(value) for (value,) in rows.fetchall()]

    def add_request(self, value: dict[str, Any]) -> int:
        added = self._db.execute("INSERT INTO requests (value) VALUES (?)", (json.dumps(value),))
        return int(added.lastrowid or 0)

    def requests_after(self, n: int) -> list[dict[str, Any]]:
        rows = self._db.execute("SELECT n, value FROM requests WHERE n > ? ORDER BY n", (n,))
        return [{"n": number, **json.loads(value)} for number, value in rows.fetchall()]

    @contextlib.contextmanager
    def together(self) -> Iterator[None]:
        """All writes inside, or none of them; may stand inside another."""
        if self._db.in_transaction:
            yield
            return
        self._db.execute("BEGIN IMMEDIATE")
        try:
            yield
        except BaseException:
            self._db.execute("ROLLBACK")
            raise
        self._db.execute("COMMIT")

    def close(self) -> None:
        self._db.close()
