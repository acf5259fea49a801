"""Prepare this process's environment for a practice installation, before Django reads its settings.

State lives in one folder (``ALPHAPANDA_STATE_DIR``, or ``.state`` beside manage.py): the secret key, PostgreSQL's and
Valkey's data, kitesim's market, logs. As root the wheel's PostgreSQL makes an operating system user ``pgserver``
and lets it walk down to that folder.
"""

import os
import shutil
from pathlib import Path
from typing import TYPE_CHECKING

from alphapanda.core.state_folder import state_folder

if TYPE_CHECKING:
    from alphapanda.runner.embedded import Servers

DATA_ACCOUNT = "practice"
# One practice account of kitesim's own; nothing of it is worth anything anywhere else.
PRACTICE_KEYS = {"KITE_API_KEY_PRACTICE": "kitesim", "KITE_API_SECRET_PRACTICE": "kitesim-secret"}

servers: "Servers | None" = None
scratch: Path | None = None


def prepare_demo(arguments: list[str]) -> None:
    """Start the embedded servers and set the environment. ``--reset`` throws the state away first."""
    global servers
    from alphapanda.runner.embedded import start_servers

    folder = state_folder()
    if "--reset" in arguments:
        from alphapanda.runner.supervisor import end_leftovers

        end_leftovers(folder)
        shutil.rmtree(folder, ignore_errors=True)
    folder.mkdir(parents=True, exist_ok=True)
    os.environ["ALPHAPANDA_STATE_DIR"] = str(folder)
    os.environ["ALPHAPANDA_KIND"] = "practice"
    servers = start_servers(folder, keep=True)
    os.environ.update(servers.environment())


def prepare_scratch() -> None:
    """Start servers on data that is thrown away afterwards, and set the environment for them."""
    global servers, scratch
    from alphapanda.runner.embedded import start_servers, temporary_folder

    scratch = temporary_folder()
    for name in ("DATABASE_URL", "REDIS_URL"):
        # Never the database of an installation: a replay begins with an empty one.
        os.environ.pop(name, None)
    os.environ["ALPHAPANDA_STATE_DIR"] = str(scratch)
    os.environ["ALPHAPANDA_KIND"] = "practice"
    servers = start_servers(scratch, keep=False)
    os.environ.update(servers.environment())


def stop_servers() -> None:
    """Stop what ``prepare_demo`` or ``prepare_scratch`` started; scratch data goes."""
    from django.db import connections

    connections.close_all()
    if servers:
        servers.stop()
    if scratch:
        shutil.rmtree(scratch, ignore_errors=True)
