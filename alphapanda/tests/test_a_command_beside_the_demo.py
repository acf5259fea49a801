"""A command typed in another terminal is the running demo's; without a database it says so in a sentence."""

import json
import os
import subprocess
import sys

import pytest
from django.core.management.base import CommandError
from django.db import OperationalError, connection
from psycopg import errors

from alphapanda.core import commands
from alphapanda.core.state_folder import BASE_DIR, forget_running, note_running, running_beside

ASKS = "from alphapanda import settings as s; print(s.DATABASES['default']['HOST'], s.REDIS_URL, s.KITE_ROOT)"
ADDRESSES = {
    "DATABASE_URL": "postgres://postgres@%2Fsome%2Fplace/alphapanda",
    "REDIS_URL": "redis://127.0.0.1:7777/0",
    "KITE_ROOT": "http://127.0.0.1:7778",
}


def settings_read(folder, **given):
    plain = {name: value for name, value in os.environ.items() if name not in ADDRESSES}
    environment = plain | {"ALPHAPANDA_STATE_DIR": str(folder)} | given
    asked = [sys.executable, "-c", ASKS]
    return subprocess.run(
        asked, env=environment, cwd=BASE_DIR, capture_output=True, text=True, check=True
    ).stdout.split()


def test_the_settings_are_those_of_the_demo_that_runs(tmp_path):
    note_running(tmp_path, ADDRESSES)
    assert settings_read(tmp_path) == ["/some/place", "redis://127.0.0.1:7777/0", "http://127.0.0.1:7778"]


@pytest.mark.parametrize("given", [{"DATABASE_URL": "postgres://me@elsewhere/mine"}, {"ALPHAPANDA_KIND": "live"}])
def test_a_database_that_is_given_wins_and_a_live_installation_never_looks(tmp_path, given):
    note_running(tmp_path, ADDRESSES)
    host, redis, kite = settings_read(tmp_path, SECRET_KEY="x" * 50, **given)
    assert host in ("elsewhere", "127.0.0.1")
    assert (redis, kite) == ("redis://127.0.0.1:6379/0", "https://api.kite.trade")


def test_what_was_killed_or_has_ended_is_not_looked_for(tmp_path):
    note_running(tmp_path, ADDRESSES)
    assert running_beside(tmp_path) == ADDRESSES
    killed = subprocess.Popen([sys.executable, "-c", ""])
    killed.wait()
    (tmp_path / "addresses.json").write_text(json.dumps({"pid": killed.pid, "addresses": ADDRESSES}))
    assert running_beside(tmp_path) == {}
    note_running(tmp_path, ADDRESSES)
    forget_running(tmp_path)
    assert running_beside(tmp_path) == {}


class Fails(commands.Command):
    def __init__(self, error):
        super().__init__()
        self.error = error

    def handle(self, *args, **options):
        raise self.error from self.error.__cause__


def test_no_database_is_one_sentence_and_its_own_refusal_is_passed_on():
    nobody = OperationalError("connection to server on socket failed\n\tIs the server running locally?\n")
    with pytest.raises(CommandError, match=r"^No database answers at .*Is the server running locally") as said:
        Fails(nobody).execute(no_color=True, force_color=False, skip_checks=True)
    assert (str(said.value).count("\n"), connection.settings_dict["HOST"] in str(said.value)) == (0, True)
    busy = OperationalError("canceling statement due to lock timeout")
    busy.__cause__ = errors.LockNotAvailable()
    with pytest.raises(OperationalError):
        Fails(busy).execute(no_color=True, force_color=False, skip_checks=True)
