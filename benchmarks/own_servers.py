"""PostgreSQL and Valkey of a benchmark's own, empty, for as long as it runs."""

import os
import shutil
from collections.abc import Iterator
from contextlib import contextmanager

SETTINGS = {
    "SECRET_KEY": "only-for-this-benchmark",
    "LOG_LEVEL": "ERROR",
    "DJANGO_SETTINGS_MODULE": "alphapanda.settings",
}


@contextmanager
def own_servers() -> Iterator[None]:
    """Set the environment for Django's settings; to be entered before anything of Django is imported."""
    from alphapanda.runner.embedded import start_servers, temporary_folder

    for name, value in SETTINGS.items():
        os.environ.setdefault(name, value)
    for name in ("DATABASE_URL", "REDIS_URL"):
        os.environ.pop(name, None)
    folder = temporary_folder()
    os.environ["ALPHAPANDA_STATE_DIR"] = str(folder)
    servers = start_servers(folder, keep=True)
    try:
        os.environ.update(servers.environment())
        yield
    finally:
        servers.stop()
        shutil.rmtree(folder, ignore_errors=True)
