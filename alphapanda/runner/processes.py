"""The demo's processes: the same programs as in production, with queues folded into fewer workers."""

import sys
import threading
import time
import urllib.error
import urllib.request
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import orjson
from cryptography.fernet import Fernet
from django.conf import settings

from alphapanda.core.state_folder import BASE_DIR, kept_secret
from alphapanda.runner.embedded import free_port
from alphapanda.runner.practice import DATA_ACCOUNT, PRACTICE_KEYS, plain_environment
from alphapanda.runner.supervisor import Child, Supervisor
from market.board import quote_board

READY_SECONDS = 60.0
# A browser that has gone without a word is noticed within 20 s.
DAPHNE = ("-v", "0", "-b", "127.0.0.1", "--ping-interval", "10", "--ping-timeout", "10")


class NotReady(Exception):
    """A process did not come up; its log says why."""


@dataclass(frozen=True)
class Market:
    """How the practice market is played; its clock stands still until somebody looks."""

    seed: int
    date: str
    open_at: str
    night: float


def broker_key(folder: Path, name: str = "broker_key") -> str:
    path = folder / name
    if not path.exists():
        path.touch(mode=0o600)
        path.write_text(Fernet.generate_key().decode())
    return kept_secret(path)


def data_account_secrets(folder: Path) -> dict[str, str]:
    """What only the data account's processes may know."""
    return {**PRACTICE_KEYS, f"BROKER_KEY_{DATA_ACCOUNT.upper()}": broker_key(folder)}


def base_environment(folder: Path, kitesim_url: str) -> dict[str, str]:
    """Return what every process may know."""
    metrics = folder / "metrics"
    metrics.mkdir(exist_ok=True)
    return plain_environment() | {
        "KITE_ROOT": kitesim_url,
        "KITE_LOGIN_ROOT": f"{kitesim_url}/connect/login",
        "KITE_TICKER_ROOT": kitesim_url.replace("http", "ws", 1),
        "PRACTICE_CLOCK_URL": f"{kitesim_url}/sim/clock",
        "PROMETHEUS_MULTIPROC_DIR": str(metrics),
        "SIGNAL_LIFE_SECONDS": "60",
        # kitesim's: three minutes before continuous trading in shares ends.
        "SQUARE_OFF_SHARES": "15:12",
        "PYTHONUNBUFFERED": "1",
    }


def python_module(name: str, *arguments: str) -> list[str]:
    return [sys.executable, "-m", name, *arguments]


def kitesim_child(port: int, folder: Path, market: Market, web_port: int | None = None) -> Child:
    """``web_port``: where the pages are, to which a login made in a browser comes back."""
    back = f":http://127.0.0.1:{web_port}/logins/back/" if web_port else ""
    command = python_module(
        "kitesim", "--port", str(port), "--state-dir", str(folder / "kitesim"),
        "--seed", str(market.seed), "--date", market.date, "--open-at", market.open_at,
        "--rate", "0", "--night", str(market.night), "--keep-sessions",
        "--app", f"kitesim:kitesim-secret:AP0001{back}", "--app", f"rehearsal:rehearsal-secret:AP0002{back}",
    )  # fmt: skip
    return Child("kitesim", command)


def kept_port(path: Path) -> int:
    """Return the port used last time, so that open pages find the demo again; another if it is taken."""
    if path.exists() and is_free(port := int(path.read_text())):
        return port
    port = free_port()
    path.write_text(str(port))
    return port


def is_free(port: int) -> bool:
    import socket

    with socket.socket() as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind(("127.0.0.1", port))
        except OSError:
            return False
        return True


def web_child(port: int) -> Child:
    return Child("web", python_module("daphne", *DAPHNE, "-p", str(port), "alphapanda.asgi:application"))


def feed_child(secrets: dict[str, str]) -> Child:
    return Child("feed", [sys.executable, str(BASE_DIR / "manage.py"), "run_feed", "--feed", "kite"], secrets)


def worker_child(name: str, queues: str, secrets: dict[str, str] | None = None, pool: str = "prefork") -> Child:
    command = python_module(
        "celery", "-A", "alphapanda.celery", "worker", "-Q", queues, "-n", f"{name}@%h",
        "-P", pool, "-c", "1", "--without-gossip", "--without-mingle",
    )  # fmt: skip
    return Child(name, command, secrets or {})


def worker_children(secrets: dict[str, str]) -> tuple[Child, ...]:
    return (
        worker_child("ticks", "ticks.kite-0"),
        worker_child("housekeeping", "risk,orders.paper,housekeeping"),
        # Its work takes long, and hears by itself that it is to end.
        worker_child("lab", "lab", pool="solo"),
        worker_child("broker", f"broker.{DATA_ACCOUNT}", secrets),
    )


def beat_child() -> Child:
    return Child("beat", python_module("celery", "-A", "alphapanda.celery", "beat", "--pidfile="))


def alert_children() -> tuple[Child, ...]:
    """The process that tells people, where there is somebody to tell."""
    if not settings.ALERT_URLS:
        return ()
    return (Child("alerts", [sys.executable, str(BASE_DIR / "manage.py"), "run_alerts"]),)


def wait_for(url: str, what: str, seconds: float = READY_SECONDS) -> Any:
    """Return what ``url`` answers once it does. Raises NotReady."""
    deadline = time.monotonic() + seconds
    while time.monotonic() < deadline:
        try:
            with urllib.request.urlopen(url, timeout=2) as reply:  # noqa: S310 (loopback, made above)
                body = reply.read()
                return orjson.loads(body) if "json" in reply.headers.get("content-type", "") else body
        except (urllib.error.URLError, OSError):
            time.sleep(0.1)
    raise NotReady(f"{what} did not answer within {seconds:.0f} s")


def set_rate(kitesim: Child, kitesim_url: str, rate: float) -> None:
    """Let the market's clock run: it stands still while nobody is there to see it. Killed, kitesim goes on at it."""
    kitesim.command = [*kitesim.command, "--rate", f"{rate:g}"]  # of two the later holds
    body = orjson.dumps({"rate": rate})
    request = urllib.request.Request(  # noqa: S310 (loopback, made above)
        f"{kitesim_url}/sim/clock", data=body, headers={"Content-Type": "application/json"}
    )
    with urllib.request.urlopen(request, timeout=5) as reply:  # noqa: S310
        reply.read()


def wait_for_feed(seconds: float = READY_SECONDS) -> None:
    """Return when the feed is connected. Raises NotReady."""
    deadline = time.monotonic() + seconds
    while time.monotonic() < deadline:
        if quote_board().feed_state("kite").connected:
            return
        time.sleep(0.2)
    raise NotReady(f"The feed did not connect within {seconds:.0f} s")


def start_all(supervisor: Supervisor, port: int, secrets: dict[str, str], more: tuple[Child, ...] = ()) -> None:
    """Start the processes; those that take longest to import come first."""
    for child in (
        *worker_children(secrets),
        *more,
        web_child(port),
        feed_child(secrets),
        beat_child(),
        *alert_children(),
    ):
        supervisor.start(child)


def watch_until(supervisor: Supervisor, stopping: threading.Event, each_second: Any) -> None:
    """Look after the processes until told to stop."""
    while not stopping.wait(1.0):
        supervisor.watch()
        each_second()
