"""The small installation of the stories with a live account whose broker is kitesim, a program of its own.

kitesim's clock stands, so that prices move only when a story says so; an order is on its way for 5 ms of the wall's.
"""

from __future__ import annotations

import itertools
import json
import os
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from decimal import Decimal
from typing import Any

import requests
from django.conf import settings

from alphapanda.core.clock.services import set_market_time
from alphapanda.core.timezone import IST
from portfolio.booking import open_account
from portfolio.models import Account
from tests.stories.pipeline import DAY, Pipeline
from trading.brokers.zerodha import credentials, session
from trading.brokers.zerodha.practice import practice_request_token
from trading.exits import drain as exits
from trading.models import Order, RiskLimit
from trading.orders import arming, execution, gates, readings
from trading.risk import assessment

# Each story has a user of its own, whose books nobody else has written in.
USERS = 40
NAME = "Zerodha A"
LONGEST_SECONDS = 10.0


@dataclass
class Sim:
    """kitesim, and the users of it that no story has had yet."""

    url: str
    users: Iterator[int] = field(default_factory=lambda: iter(range(USERS)))

    def ask(self, method: str, path: str, **how: Any) -> Any:
        reply = requests.request(method, self.url + path, timeout=5, **how)
        reply.raise_for_status()
        return reply.json()

    def fault(self, kind: str, **terms: Any) -> None:
        self.ask("POST", "/sim/faults", json={"kind": kind, **terms})

    def clear_faults(self) -> None:
        self.ask("DELETE", "/sim/faults")

    def now(self) -> datetime:
        return datetime.fromisoformat(self.ask("GET", "/sim/clock")["market_time"])


@contextmanager
def running_sim(*flags: str) -> Iterator[Sim]:
    apps = itertools.chain.from_iterable(("--app", f"key{n}:secret{n}:AB{n:04d}") for n in range(USERS))
    command = [sys.executable, "-m", "kitesim", "--seed", "7", "--date", f"{DAY}", "--open-at", "10:00:00"]
    command += ["--rate", "0", "--history-days", "2", "--order-latency", "0.005", "--no-limits", *apps, *flags]
    process = subprocess.Popen(
        command, cwd=settings.BASE_DIR, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True
    )
    assert process.stdout is not None
    try:
        yield Sim(json.loads(process.stdout.readline())["url"])
    finally:
        process.terminate()
        process.wait(20)


@dataclass
class LivePipeline(Pipeline):
    """``account`` is live; ``quiesce`` runs each stage as its worker would, and asks the broker for its books."""

    sim: Sim = field(default_factory=lambda: Sim(""))
    user: str = ""
    price: str = ""

    @classmethod
    def rehearse(cls, sim: Sim) -> LivePipeline:
        number = next(sim.users)
        os.environ.update(
            {
                "KITE_API_KEY_ZERODHA_A": f"key{number}",
                "KITE_API_SECRET_ZERODHA_A": f"secret{number}",
                "BROKER_KEY_ZERODHA_A": credentials.new_key(),
            }
        )
        pipeline = cls.open()
        assert isinstance(pipeline, LivePipeline)
        pipeline.sim, pipeline.user, pipeline.now = sim, f"AB{number:04d}", sim.now()
        set_market_time(pipeline.now, 0)
        pipeline.account = open_account(NAME, "live", "zerodha", Decimal(10_00_000))
        limits = {"max_order_value": 2_00_000, "max_position": 500, "max_daily_loss": 20_000}
        RiskLimit.objects.create(account=pipeline.account, max_quote_age_seconds=30, **limits)
        gates.ensure_gates()
        pipeline.log_in()
        pipeline.look()
        return pipeline

    def log_in(self) -> None:
        session.log_in(self.account, practice_request_token(self.account))

    def arm(self) -> None:
        """Read the books, which arming asks for, and let the account open new risk."""
        readings.read_and_book(self.account.pk)
        arming.arm(self.account, by="tests")

    def last(self) -> Decimal:
        keys = self.sim.ask("GET", "/quote/ltp", params={"i": "NSE:INFY"}, headers=self.headers())
        return Decimal(str(keys["data"]["NSE:INFY"]["last_price"])).quantize(Decimal("0.10"))

    def headers(self) -> dict[str, str]:
        opened = session.open_session(NAME)
        return {"Authorization": f"token {opened.api_key}:{opened.access_token}", "X-Kite-Version": "3"}

    def look(self) -> None:
        """Let the exchange's price come in, as its feed would."""
        self.price = f"{self.last():.2f}"
        self.append(self.packet(self.price))

    def advance(self, seconds: float) -> None:
        """Let the market move on; kitesim's clock is all stories' of a file, so it is never set to a time."""
        moment = (self.sim.now() + timedelta(seconds=seconds)).astimezone(IST)
        self.sim.ask("POST", "/sim/clock", json={"advance_to": f"{moment:%Y-%m-%dT%H:%M:%S}"})
        self.now = self.sim.now()
        set_market_time(self.now, 0)
        self.look()

    def work(self) -> None:
        """Every stage of the live account, once, beside a feed that is well."""
        self.append_quote(self.price)
        self.drain()
        exits.follow_exits(self.account.pk)
        assessment.assess_signals(self.account.pk)
        execution.execute_orders(self.account.pk)
        execution.execute_exits(self.account.pk)
        readings.read_and_book(self.account.pk)

    def until(self, condition: Callable[[], Any], what: str = "it is so") -> Any:
        """Work until the exchange, a process of its own, has come so far."""
        deadline = time.monotonic() + LONGEST_SECONDS
        while not (found := condition()):
            assert time.monotonic() < deadline, f"{what}: not within {LONGEST_SECONDS:.0f} s"
            self.work()
            time.sleep(0.01)
        return found

    def until_state(self, *states: str) -> Order:
        found: Order = self.until(lambda: Order.objects.filter(state__in=states).order_by("-id").first(), str(states))
        return found

    def sent(self, verb: str = "place", *, accepted: bool | None = None) -> list[dict[str, Any]]:
        """The calls of this story's user that reached kitesim: what every claim of ours is held against."""
        calls = [call for call in self.sim.ask("GET", "/sim/requests") if call["user_id"] == self.user]
        return [call for call in calls if call["verb"] == verb and accepted in (None, call["accepted"])]

    def shock(self, percent: float, **terms: float) -> None:
        """Let INFY jump, and the market move on until that has happened."""
        self.sim.ask("POST", "/sim/shocks", json={"symbol": "INFY", "percent": percent, **terms})
        self.advance(10)

    def by_their_hand(self, side: str, quantity: int, product: str = "MIS", **more: Any) -> None:
        """An order the account's owner places in Kite itself."""
        order = {"exchange": "NSE", "tradingsymbol": "INFY", "transaction_type": side, "quantity": quantity}
        order |= {"product": product, "order_type": "MARKET", "market_protection": "-1", "validity": "DAY"}
        self.sim.ask("POST", "/sim/orders", json={"user_id": self.user, **order, **more})


def live_account() -> Account:
    return Account.objects.get(name=NAME)
