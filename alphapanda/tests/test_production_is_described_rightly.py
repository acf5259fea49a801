"""No container engine is asked here: what can be wrong in words is compared with the code that runs."""

import importlib
import json
import os
import re
import subprocess
import sys
from pathlib import Path
from typing import Any

import psycopg
import pytest
import yaml
from django.conf import settings
from django.core.management import get_commands
from django.db import connection

from alphapanda.flight.servers import EVICTION, NEEDED_QUEUES
from alphapanda.runner.processes import DAPHNE

ROOT = Path(settings.BASE_DIR)
COMPOSE: dict[str, Any] = yaml.safe_load((ROOT / "docker-compose.yml").read_text())
SERVICES: dict[str, dict[str, Any]] = COMPOSE["services"]
OURS = {name: service for name, service in SERVICES.items() if service["image"] == "alphapanda"}
SECRET = re.compile(r"^(KITE_API|BROKER_KEY)_")
OPEN_QUEUES = re.compile(r"^(ticks\.[a-z0-9-]+-\d+|broker\.[a-z0-9-]+)$")
# Of design section 3, less live orders, which this version does not send.
PROCESSES = {"web", "feed", "ticks", "risk", "paper-orders", "broker", "housekeeping", "lab", "beat", "alerts"}


def queues_of(service: dict[str, Any]) -> list[str]:
    command = service["command"]
    return command[command.index("-Q") + 1].split(",") if "-Q" in command else []


def test_every_process_of_the_design_is_there():
    assert set(OURS) == PROCESSES | {"migrate"}
    assert {SERVICES["postgres"]["image"], SERVICES["valkey"]["image"]} == {"postgres:18", "valkey/valkey:9"}


@pytest.mark.parametrize("name", OURS)
def test_every_command_names_what_exists(name):
    command = OURS[name]["command"]
    if "manage.py" in command:
        assert command[2] in get_commands()
        return
    assert command[:2] == ["python", "-m"]
    importlib.import_module(command[2])
    target = next(word for word in command if word.startswith("alphapanda."))
    module, _, attribute = target.partition(":")
    assert hasattr(importlib.import_module(module), attribute or "app")


def test_every_queue_has_exactly_one_worker():
    served = [queue for service in OURS.values() for queue in queues_of(service)]
    fixed = [queue for queue in served if not OPEN_QUEUES.match(queue)]
    assert sorted(fixed) == sorted([*NEEDED_QUEUES, "lab"])
    assert sorted(set(served)) == sorted(served)


def test_every_queue_a_beat_job_is_sent_to_is_served():
    served = {queue for service in OURS.values() for queue in queues_of(service)}
    jobs = [job.get("options", {}) for job in settings.CELERY_BEAT_SCHEDULE.values()]
    assert {options.get("queue", settings.CELERY_TASK_DEFAULT_QUEUE) for options in jobs} <= served


def test_only_the_data_accounts_processes_hold_its_secrets():
    holders = {name for name, service in OURS.items() if any(map(SECRET.match, service["environment"]))}
    assert holders == {"feed", "broker"}
    assert {name for name, service in OURS.items() if service.get("secrets")} == holders


def test_no_secret_stands_in_the_file():
    for service in OURS.values():
        for name, value in service["environment"].items():
            if re.search(r"KEY|SECRET|TOKEN|PASSWORD", name):
                assert value.startswith("${") or name.endswith("_FILE"), name


def test_valkey_evicts_nothing():
    command = SERVICES["valkey"]["command"]
    assert command[command.index("--maxmemory-policy") + 1] == EVICTION


@pytest.mark.parametrize("name", sorted(set(SERVICES) - {"migrate"}))
def test_every_process_is_looked_after(name):
    assert SERVICES[name]["restart"] == "unless-stopped"
    assert SERVICES[name]["healthcheck"]["test"]


def test_our_processes_have_no_privileges_and_share_the_flags_folder():
    for service in OURS.values():
        assert (service["read_only"], service["cap_drop"]) == (True, ["ALL"])
        assert "state:/state" in service["volumes"]


def test_the_image_installs_only_what_was_resolved_and_runs_as_nobody_special():
    image = (ROOT / "Dockerfile").read_text()
    installs = [line for line in image.splitlines() if re.search(r"pip install .*-r ", line)]
    assert installs == [line for line in installs if "uv pip install" in line and "--no-deps --require-hashes" in line]
    assert installs
    assert "USER panda" in image
    assert {".env", ".state", "secrets"} <= set((ROOT / ".dockerignore").read_text().splitlines())


def test_the_frameworks_own_checks_find_nothing_wrong_with_production(tmp_path):
    environment = {name: value for name, value in os.environ.items() if not SECRET.match(name)} | {
        "ALPHAPANDA_KIND": "live",
        "ALPHAPANDA_STATE_DIR": str(tmp_path),
        "SECRET_KEY": "long-and-random-enough-Zk8qWvT3xNd0PpRs7JcLbY5mHgU2eAfQ9iXo",
        "ALLOWED_HOSTS": "desk.example.in,127.0.0.1",
        "HTTPS": "true",
        "STATIC_MANIFEST": "true",
        "DEBUG": "false",
    }
    command = [sys.executable, str(ROOT / "manage.py"), "check", "--deploy", "--fail-level", "WARNING"]
    ended = subprocess.run(command, env=environment, capture_output=True, text=True, timeout=100, check=False)
    assert ended.returncode == 0, ended.stderr
    assert "no issues (0 silenced)" in ended.stdout


def test_daphne_writes_no_lines_of_its_own_and_believes_no_client():
    """Its access log goes past ours and holds addresses whole; -v 0 is its word for none."""
    [own] = [line for line in (ROOT / "Dockerfile").read_text().splitlines() if line.startswith("CMD")]
    for command in (DAPHNE, SERVICES["web"]["command"], json.loads(own.removeprefix("CMD "))):
        assert "-v 0" in " ".join(command)
        assert "--proxy-headers" not in command


def test_no_password_can_break_an_address():
    """One of PostgreSQL's may hold @ or /, and goes to libpq beside the address; Valkey's is said to be plain."""
    for service in OURS.values():
        environment = service["environment"]
        assert "PASSWORD" not in environment["DATABASE_URL"]
        assert environment["PGPASSWORD"].startswith("${POSTGRES_PASSWORD")
        assert "of letters and digits" in environment["REDIS_URL"]


def test_valkey_lets_nobody_in_without_its_password():
    command, known = SERVICES["valkey"]["command"], SERVICES["valkey"]["environment"]["REDISCLI_AUTH"]
    assert command[command.index("--requirepass") + 1] == known


@pytest.mark.parametrize("name", sorted(SERVICES))
def test_no_process_fills_the_disk_with_its_log(name):
    assert SERVICES[name]["logging"]["options"] == {"max-size": "20m", "max-file": "5"}


def test_every_process_of_ours_reads_plain_settings_and_finds_ones_own_strategies():
    for service in OURS.values():
        assert service["env_file"] == [{"path": "settings.env", "required": False}]
        assert "./strategies:/strategies:ro" in service["volumes"]
        assert service["environment"]["PYTHONPATH"] == "/strategies"


def test_a_password_beside_the_address_reaches_postgresql(db, monkeypatch):
    """What compose relies on: libpq takes PGPASSWORD where the address has none, whatever stands in it."""
    monkeypatch.setenv("PGPASSWORD", "p@ss/w:rd#")
    parameters = connection.get_connection_params() | {"password": None}
    kept = {name: value for name, value in parameters.items() if name in ("host", "port", "dbname", "user")}
    with psycopg.connect(**kept) as opened:
        assert opened.pgconn.password == b"p@ss/w:rd#"
