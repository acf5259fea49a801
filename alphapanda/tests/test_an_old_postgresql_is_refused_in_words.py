"""The oldest PostgreSQL that works is said before anything is made in an older one."""

import os
import subprocess
import sys

import pytest
from django.core.checks import run_checks
from django.db import connection

from alphapanda.core.postgres.base import OLDEST

# The server of the tests is made too old by asking for one that does not exist yet.
COMMAND = """
import sys
from alphapanda.core.postgres import base
base.OLDEST = 99
from django.core.management import execute_from_command_line
execute_from_command_line(["manage.py", *sys.argv[1:]])
"""


@pytest.mark.parametrize("command", [["check"], ["migrate", "--no-input"], ["check", "--database", "default"]])
def test_an_old_postgresql_is_refused_in_words(command: list[str], django_db_setup: None) -> None:
    done = subprocess.run(
        [sys.executable, "-c", COMMAND, *command],
        env=os.environ | {"DJANGO_SETTINGS_MODULE": "alphapanda.settings"},
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 1
    assert "(alphapanda.E004) PostgreSQL 1" in done.stderr
    assert "is too old: 99 or later is needed" in done.stderr
    assert "DATABASE_URL" in done.stderr
    assert "Traceback" not in done.stderr


def test_a_postgresql_that_is_away_is_no_fault_of_the_settings() -> None:
    done = subprocess.run(
        [sys.executable, "manage.py", "check"],
        env=os.environ | {"DATABASE_URL": "postgres://nobody@127.0.0.1:1/none"},
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr


def test_the_postgresql_of_the_tests_is_new_enough(db: None) -> None:
    assert connection.pg_version >= OLDEST * 10_000
    assert [message.id for message in run_checks() if message.id == "alphapanda.E004"] == []
