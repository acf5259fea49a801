"""Run the whole product on a practice market: one command, real parts, at any hour."""

import os
import signal
import threading
import time
from datetime import datetime
from pathlib import Path
from typing import Any

import structlog
from django.conf import settings
from django.core.management.base import CommandError, CommandParser
from django.db import DatabaseError, close_old_connections

from alphapanda.core.clock import market_now
from alphapanda.core.clock.services import set_market_time
from alphapanda.core.commands import Command as BaseCommand
from alphapanda.core.commands import run_quietly
from alphapanda.core.state_folder import forget_running, note_running
from alphapanda.core.telemetry import live_lines
from alphapanda.core.timezone import IST
from alphapanda.dashboard.sign_in_links import make_sign_in_link
from alphapanda.runner import demo_setup, practice, rehearsal
from alphapanda.runner import processes as processes
from alphapanda.runner.processes import Market, NotReady
from alphapanda.runner.supervisor import Child, Supervisor
from instruments.models import InstrumentLoad, TradingSession
from portfolio.models import Account
from trading.brokers.choice import log_in_to_practice
from trading.brokers.data_port import LoginRefused
from trading.models import BrokerSession
from trading.orders.broker_port import BrokerError

log = structlog.get_logger()
KITESIM = ("KITE_ROOT", "KITE_LOGIN_ROOT", "KITE_TICKER_ROOT", "PRACTICE_CLOCK_URL")
ADDRESSES = ("DATABASE_URL", "REDIS_URL", *KITESIM)


class Command(BaseCommand):
    help = __doc__

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("--reset", action="store_true", help="throw away market, books and clock, and begin anew")
        parser.add_argument("--port", type=int, default=8000, help="of the browser's address (default: 8000)")
        parser.add_argument("--rate", type=float, default=10.0, help="market seconds a second (default: 10)")
        parser.add_argument("--seed", type=int, default=7, help="of the market")
        parser.add_argument("--date", default="2026-11-23", help="the market's first day")
        parser.add_argument("--open-at", default="09:14", help="time of day it begins at")
        parser.add_argument("--night", type=float, default=20.0, help="seconds between two trading days")
        parser.add_argument(
            "--rehearse", action="store_true", help="open a live account at the practice exchange as well; `arm` it"
        )
        parser.add_argument("--seconds", type=float, help="stop by itself after so long (for trying it out)")

    def handle(self, *args: Any, **options: Any) -> None:
        began = time.monotonic()
        folder = Path(settings.STATE_DIR)
        if practice.leftovers:
            self.say(f"Ended what a killed demo had left running: {', '.join(practice.leftovers)}.")
        if not processes.is_free(options["port"]):
            raise CommandError(f"Port {options['port']} is in use: try --port {options['port'] + 1}.", returncode=2)
        stopping = threading.Event()
        for number in (signal.SIGINT, signal.SIGTERM):
            signal.signal(number, lambda *_: stopping.set())
        supervisor = self._supervise(folder, options)
        try:
            self._run(supervisor, folder, options, began, stopping)
        except NotReady as problem:
            raise CommandError(f"{problem}. Its log is in {folder / 'logs'}.") from problem
        finally:
            self._stop()

    def _supervise(self, folder: Path, options: dict[str, Any]) -> Supervisor:
        port = processes.kept_port(folder / "kitesim.port")
        self._url = f"http://127.0.0.1:{port}"
        base = processes.base_environment(folder, self._url)
        os.environ.update(base)
        self._configure(base)
        note_running(folder, {name: base[name] for name in ADDRESSES})
        supervisor = practice.server_supervisor()
        supervisor.base = base
        market = Market(options["seed"], options["date"], options["open_at"], options["night"])
        self._kitesim = supervisor.start(processes.kitesim_child(port, folder, market, options["port"]))
        return supervisor

    def _configure(self, base: dict[str, str]) -> None:
        # This process read its settings before it knew where kitesim would be.
        for name in KITESIM:
            setattr(settings, name, base[name])

    def _run(
        self, supervisor: Supervisor, folder: Path, options: dict[str, Any], began: float, stopping: threading.Event
    ) -> None:
        secrets = processes.data_account_secrets(folder)
        os.environ.update(secrets)
        run_quietly("migrate", "--no-input")
        clock = processes.wait_for(f"{self._url}/sim/clock", "The practice exchange")
        set_market_time(datetime.fromisoformat(clock["market_time"]), clock["rate"])
        link = self._set_up()
        live_lines.begin_publishing("demo")
        processes.start_all(supervisor, options["port"], secrets, self._rehearse(folder) if options["rehearse"] else ())
        processes.wait_for(f"http://127.0.0.1:{options['port']}/healthz", "The web server")
        processes.wait_for_feed()
        processes.set_rate(self._kitesim, self._url, options["rate"])
        self._greet(f"http://127.0.0.1:{options['port']}{link}", time.monotonic() - began)
        self._ends_at = time.monotonic() + options["seconds"] if options["seconds"] else None
        processes.watch_until(supervisor, stopping, lambda: self._each_second(stopping))

    def _set_up(self) -> str:
        user = demo_setup.create_demo_user()
        if not TradingSession.objects.exists():
            self.say("Loading the calendar of 2024 to 2026 …")
            run_quietly("load_calendar")
        account = demo_setup.ensure_data_account()
        self._log_in(account)
        self._load_instruments()
        demo_setup.set_up_paper_account(demo_setup.ensure_feed())
        return make_sign_in_link(user)

    def _rehearse(self, folder: Path) -> tuple[Child, ...]:
        os.environ.update(rehearsal.secrets(folder))
        self._log_in(rehearsal.set_up_account())
        return rehearsal.workers(folder)

    def _load_instruments(self) -> None:
        """Load the day's dump, as one would each morning after 08:30."""
        day = market_now().astimezone(IST).date()
        if InstrumentLoad.objects.last_day_of("NSE") != day:
            self.say(f"Loading the practice exchange's instruments of {day:%d %b %Y} …")
            run_quietly("load_instruments")

    def _each_second(self, stopping: threading.Event) -> None:
        if self._ends_at is not None and time.monotonic() > self._ends_at:
            stopping.set()
        # A connection lost with a killed PostgreSQL is let go of here: nothing else ends this command's turn.
        close_old_connections()
        try:
            self._open_the_day()
        except (DatabaseError, CommandError) as problem:
            # The processes go on; in a second it is tried again.
            log.warning("morning_failed", problem=str(problem))

    def _open_the_day(self) -> None:
        account = Account.objects.get(name=practice.DATA_ACCOUNT)
        session = BrokerSession.objects.filter(account=account).first()
        if session is None or session.expires_at is None or session.expires_at <= market_now():
            self._log_in(account)
            if "BROKER_KEY_REHEARSAL" in os.environ:
                self._log_in(rehearsal.set_up_account())
            self._load_instruments()
            # The options shown yesterday may have expired.
            demo_setup.subscribe_watchlist(demo_setup.ensure_feed().feed)

    def _log_in(self, account: Account) -> None:
        """Log in as a person would each morning; at a real broker nothing does this for anybody."""
        try:
            log_in_to_practice(account.name)
        except (LoginRefused, BrokerError) as problem:
            log.warning("practice_login_failed", problem=str(problem))

    def _greet(self, address: str, seconds: float) -> None:
        self.say(
            f"\nAlpha Panda runs, after {seconds:.0f} s. Open this link; it lets you in once:\n\n  {address}\n\n"
            "Practice money on a practice market. Ctrl-C stops it; started again, it goes on where it was.",
            address=address,
            seconds=round(seconds, 1),
        )
        self.stdout.flush()

    def _stop(self) -> None:
        self.say("\nStopping …")
        forget_running(Path(settings.STATE_DIR))
        practice.stop_everything()
        self.say("Stopped.")
