"""A desk on real processes to which everything happens in turn; prints as JSON what became of it.

Run by test_servers_and_processes_come_and_go.py in a process of its own, since it needs servers of its own.
"""

# ruff: noqa: E402, T201

import json
import os
import signal
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

ROOT = Path(__file__).resolve().parents[2]
sys.path.insert(0, str(ROOT))
os.environ["DJANGO_SETTINGS_MODULE"] = "alphapanda.settings"

from alphapanda.runner import practice

practice.prepare_scratch()

import django

django.setup()

from datetime import datetime

import redis
from django.db import InterfaceError, OperationalError, connection
from django.db.models import Count, F, Sum

from alphapanda.core.clock import market_now
from alphapanda.core.clock.services import set_market_time
from alphapanda.core.commands import run_quietly
from alphapanda.core.timezone import day_of
from alphapanda.runner import demo_setup
from alphapanda.runner import processes as processes
from market.models import Shard
from portfolio.models import Account, Position, Trade
from portfolio.rebuilding import rebuild_account
from trading import wakeups
from trading.brokers.choice import log_in_to_practice
from trading.models import Deployment, Order, PaperTrade, RiskDecision, Signal
from trading.run import loaded_code
from trading.ticks import sweeping, trimming
from trading.ticks.rerun import judge_again, rerun_day

RECOVERY_SECONDS = 60.0
RATE = 20.0


class Drill:
    """The processes of a demo without web and beat; ``sweep`` is called here instead of by beat."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        port = processes.free_port()
        self.url = f"http://127.0.0.1:{port}"
        base = processes.base_environment(folder, self.url)
        os.environ.update(base)
        from django.conf import settings

        for name in ("KITE_ROOT", "KITE_LOGIN_ROOT", "KITE_TICKER_ROOT", "PRACTICE_CLOCK_URL"):
            setattr(settings, name, base[name])
        self.supervisor = practice.server_supervisor()
        self.supervisor.base = base
        market = processes.Market(seed=7, date="2026-11-23", open_at="09:14", night=5)
        self.kitesim = self.supervisor.start(processes.kitesim_child(port, folder, market))

    def begin(self) -> None:
        secrets = processes.data_account_secrets(self.folder)
        os.environ.update(secrets)
        for child in processes.worker_children(secrets):
            self.supervisor.start(child)
        run_quietly("migrate")
        run_quietly("load_calendar", "--year", "2026")
        clock = processes.wait_for(f"{self.url}/sim/clock", "kitesim")
        set_market_time(datetime.fromisoformat(clock["market_time"]), 0)
        data = demo_setup.ensure_data_account()
        log_in_to_practice(data.name)
        run_quietly("load_instruments")
        demo_setup.set_up_paper_account(demo_setup.ensure_feed())
        self.supervisor.start(processes.feed_child(secrets))
        processes.wait_for_feed()
        processes.set_rate(self.kitesim, self.url, RATE)
        self.wait(lambda: Deployment.objects.filter(state="running").count() == 4, "the deployments run")
        self.wait(lambda: Trade.objects.count() >= 2, "something trades")

    def wait(self, condition: Callable[[], bool], what: str, seconds: float = RECOVERY_SECONDS) -> float:
        """Look after the processes until it is so; returns how long it took. Raises TimeoutError."""
        began = time.monotonic()
        while time.monotonic() - began < seconds:
            self.supervisor.watch()
            try:
                sweeping.sweep_partitions()
                trimming.trim_streams()
                if condition():
                    return time.monotonic() - began
            except (OperationalError, InterfaceError):
                connection.close()
            except redis.RedisError:
                pass  # as beat does: the next sweep asks again
            time.sleep(0.3)
        raise TimeoutError(f"{what}: not within {seconds:.0f} s")

    def position(self) -> tuple[int, int]:
        connection.close_if_unusable_or_obsolete()
        return Shard.objects.values_list("epoch", "n").get()

    def goes_on(self, after: tuple[int, int]) -> float:
        """Wait until ticks are processed again, well past ``after``."""
        return self.wait(lambda: self._moved(after), "ticks are processed again")

    def _moved(self, after: tuple[int, int]) -> bool:
        epoch, n = self.position()
        return n >= 10 if epoch > after[0] else n >= after[1] + 10

    def child(self, name: str) -> Any:
        return next(child for child in self.supervisor.children if child.name == name).process

    def kill(self, name: str) -> None:
        os.killpg(self.child(name).pid, signal.SIGKILL)


def kill_ticks(drill: Drill) -> None:
    drill.kill("ticks")


def reload_ticks(drill: Drill) -> None:
    """As the page does: the worker ends after what it is doing, and the supervisor starts it anew."""
    before = drill.child("ticks").pid
    loaded_code.reload_worker(Shard.objects.select_related("feed").get())
    drill.wait(lambda: drill.child("ticks").pid != before, "the tick worker is started anew")


def kill_housekeeping(drill: Drill) -> None:
    drill.kill("housekeeping")


def kill_feed(drill: Drill) -> None:
    drill.kill("feed")


def kill_kitesim(drill: Drill) -> None:
    """The market itself: it goes on from its last saved second, at its pace."""
    drill.kill("kitesim")


def flush_valkey(drill: Drill) -> None:
    wakeups.valkey_client().flushall()


def kill_valkey(drill: Drill) -> None:
    """Its data is not kept here: it comes back empty."""
    drill.kill("valkey")


def kill_postgres(drill: Drill) -> None:
    """As a power cut would: no checkpoint, every connection gone; it recovers from its log."""
    drill.kill("postgres")
    connection.close()


def kill_both_servers(drill: Drill) -> None:
    kill_valkey(drill)
    kill_postgres(drill)


FAULTS = {
    "a tick worker killed": kill_ticks,
    "a tick worker reloaded": reload_ticks,
    "a housekeeping worker killed": kill_housekeeping,
    "the feed killed": kill_feed,
    "the practice exchange killed": kill_kitesim,
    "Valkey flushed": flush_valkey,
    "Valkey killed": kill_valkey,
    "PostgreSQL killed": kill_postgres,
    "both servers killed": kill_both_servers,
}


# With Valkey goes what of the stream was not kept yet: from there on the day has a hole.
KEEP_THE_STREAM = 5


def decided_otherwise() -> list[str]:
    """Run the day again so far: whatever was killed, every run must decide again what it decided."""
    shard = Shard.objects.select_related("feed").get()
    again = rerun_day(shard, day_of(market_now()))
    nothing = [] if again.decided["enter"] else ["nothing was decided again"]
    return again.differences + again.notes + judge_again(again.day)[1] + nothing


def violations() -> list[str]:
    """Everything that must always hold and does not, by the books themselves."""
    found = []
    doubled = Signal.objects.values("key").annotate(times=Count("id")).filter(times__gt=1)
    found += [f"signal {row['key']} {row['times']} times" for row in doubled]
    if orphans := Order.objects.exclude(signal__in=RiskDecision.objects.filter(approved=True).values("signal")).count():
        found.append(f"{orphans} orders without an approved decision")
    if over := Order.objects.filter(filled_quantity__gt=F("quantity")).count():
        found.append(f"{over} orders overfilled")
    traded = dict(Trade.objects.values_list("instrument").annotate(total=Sum("signed_quantity")).order_by())
    held = dict(Position.objects.values_list("instrument").annotate(total=Sum("quantity")).order_by())
    if any(held.get(key, 0) != total for key, total in traded.items()):
        found.append("positions are not the sum of their trades")
    if (made := PaperTrade.objects.filter(is_booked=True).count()) != (booked := Trade.objects.count()):
        found.append(f"{made} paper trades, {booked} booked")
    found += [str(difference) for account in Account.objects.all() for difference in rebuild_account(account)]
    return found


def second_feed_is_refused(drill: Drill) -> bool:
    """Start a second feed beside the first; it must see the lease and go."""
    import subprocess

    feed = processes.feed_child(processes.data_account_secrets(drill.folder))
    done = subprocess.run(
        [*feed.command, "--no-wait"],
        env={**drill.supervisor.base, **feed.environment},
        capture_output=True,
        timeout=60,
        check=False,
    )
    return done.returncode != 0 and b"Another process runs feed" in done.stderr


def main() -> None:
    report: dict[str, Any] = {}
    drill = Drill(Path(os.environ["ALPHAPANDA_STATE_DIR"]))
    try:
        drill.begin()
        report["a second feed"] = {"refused": second_feed_is_refused(drill), "violations": violations()}
        for name, inject in FAULTS.items():
            before = drill.position()
            inject(drill)
            report[name] = {"seconds": round(drill.goes_on(before), 1)}
            drill.wait(lambda: not PaperTrade.objects.filter(is_booked=False).exists(), "everything is booked")
            report[name]["violations"] = violations()
            if name in list(FAULTS)[:KEEP_THE_STREAM]:
                report[name]["otherwise"] = decided_otherwise()
        report["end"] = {"trades": Trade.objects.count(), "orders": Order.objects.count()}
    finally:
        practice.stop_everything()
        ended = {child.name: child.process.returncode for child in drill.supervisor.children if child.process}
        report["stop"] = {"by force": [name for name, code in ended.items() if code == -signal.SIGKILL]}
        print(json.dumps(report))


if __name__ == "__main__":
    main()
