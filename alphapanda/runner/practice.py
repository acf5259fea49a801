"""Prepare this process's environment for a practice installation, before Django reads its settings.

State lives in one folder (``ALPHAPANDA_STATE_DIR``, or ``.state`` beside manage.py): the secret key, PostgreSQL's and
Valkey's data, kitesim's market, logs. As root the wheel's PostgreSQL makes an operating system user ``pgserver``
and lets it walk down to that folder.
"""

import atexit
import os
import shutil
from pathlib import Path
from typing import TYPE_CHECKING

from alphapanda.core.state_folder import state_folder

if TYPE_CHECKING:
    from alphapanda.runner.embedded import Servers
    from alphapanda.runner.supervisor import Supervisor

DATA_ACCOUNT = "practice"
# One practice account of kitesim's own; nothing of it is worth anything anywhere else.
PRACTICE_KEYS = {"KITE_API_KEY_PRACTICE": "kitesim", "KITE_API_SECRET_PRACTICE": "kitesim-secret"}
# What makes work ends before what does it, and the servers last: everybody still has something to write.
STOP_ORDER = (
    ("beat", "feed", "lab"),
    ("ticks",),
    ("housekeeping", "broker", "exits", "orders"),
    ("web",),
    ("kitesim",),
    ("valkey",),
    ("postgres",),
)
OWNERS_ONLY = ("BROKER_KEY_", "KITE_API_")

servers: "Servers | None" = None
scratch: Path | None = None
leftovers: list[str] = []  # what a killed demo had left running, and was ended


def plain_environment() -> dict[str, str]:
    """This process's environment without any broker's secret."""
    return {name: value for name, value in os.environ.items() if not name.startswith(OWNERS_ONLY)}


def prepare_demo(arguments: list[str]) -> None:
    """Start the embedded servers and set the environment. ``--reset`` throws the state away first.

    What a killed demo had left running is ended before anything else is touched.
    """
    from alphapanda.runner.supervisor import end_leftovers

    folder = state_folder()
    leftovers.extend(end_leftovers(folder, STOP_ORDER))
    if "--reset" in arguments:
        shutil.rmtree(folder, ignore_errors=True)
    folder.mkdir(parents=True, exist_ok=True)
    _start_servers(folder, keep=True)


def prepare_scratch() -> None:
    """Start servers on data that is thrown away afterwards, and set the environment for them."""
    global scratch
    from alphapanda.runner.embedded import temporary_folder

    scratch = temporary_folder()
    for name in ("DATABASE_URL", "REDIS_URL"):
        # Never the database of an installation: a replay begins with an empty one.
        os.environ.pop(name, None)
    _start_servers(scratch, keep=False)


def _start_servers(folder: Path, *, keep: bool) -> None:
    global servers
    from alphapanda.runner.embedded import start_servers

    os.environ["ALPHAPANDA_STATE_DIR"] = str(folder)
    os.environ["ALPHAPANDA_KIND"] = "practice"
    servers = start_servers(folder, keep=keep, environment=plain_environment())
    os.environ.update(servers.environment())
    # However this process ends: wrong arguments end it before a command could.
    atexit.register(stop_everything)


def server_supervisor() -> "Supervisor":
    """The supervisor that looks after the servers, and from now on after every other process as well."""
    assert servers, "prepare_demo or prepare_scratch comes first"
    return servers.supervisor


def stop_everything() -> None:
    """Stop all processes and the servers that ``prepare_demo`` or ``prepare_scratch`` began; scratch data goes."""
    global servers
    if servers:
        servers.supervisor.stop(STOP_ORDER)
        servers = None
    if scratch:
        shutil.rmtree(scratch, ignore_errors=True)
