"""A worker logs at the level and in the form of every other process: Celery sets neither."""

import json
import os
import subprocess
import sys

SAYS = """
import logging
import django; django.setup()
from celery import signals
from alphapanda.celery import app
app.log.setup("WARNING")
logging.getLogger("celery.app.trace").info("Task succeeded")
logging.getLogger("library").info("seen")
signals.worker_process_init.send(None)
print("printed by a strategy")
"""


def test_what_a_worker_logs_and_prints_is_json_from_our_level_on():
    environment = os.environ | {"DJANGO_SETTINGS_MODULE": "alphapanda.settings", "LOG_LEVEL": "INFO"}
    done = subprocess.run([sys.executable, "-c", SAYS], env=environment, capture_output=True, text=True, check=True)
    lines = [json.loads(line) for line in done.stderr.splitlines()]
    assert [(line["event"], line["level"]) for line in lines] == [
        ("seen", "info"),
        ("printed by a strategy", "warning"),
    ]
    assert done.stdout == ""
