"""manage.py loads what every command needs, and leaves the rest to whoever uses it."""

import os
import subprocess
import sys

from django.contrib import admin
from django.core.checks import Tags, run_checks

# Each costs between 0.1 and 1 s of processor time; halt is a command, too.
ONLY_FOR_SOME = ("numpy", "polars", "talib", "redis", "requests", "urllib3", "aiohttp", "kiteconnect", "trading.admin")


def test_no_command_loads_what_only_some_need() -> None:
    asks = f"import sys, django; django.setup(); print([name for name in {ONLY_FOR_SOME} if name in sys.modules])"
    done = subprocess.run(
        [sys.executable, "-c", asks],
        env=os.environ | {"DJANGO_SETTINGS_MODULE": "alphapanda.settings"},
        capture_output=True,
        text=True,
        check=True,
    )
    assert done.stdout.strip().splitlines()[-1] == "[]"


def test_the_web_finds_every_admin_and_its_checks_find_nothing() -> None:
    import alphapanda.urls  # noqa: F401 (it looks for them)

    registered = {model._meta.app_label for model in admin.site._registry}
    assert {"auth", "instruments", "market", "portfolio", "trading", "journal"} <= registered
    assert run_checks(tags=[Tags.admin]) == []
