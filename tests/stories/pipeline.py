"""A small installation for stories: one share, feed, shard and paper account, and a market told tick by tick."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import date, datetime, timedelta
from decimal import Decimal
from typing import Any

from django.db import connection

from alphapanda.core.clock.services import set_market_time
from alphapanda.core.commands import run_quietly
from alphapanda.core.timezone import IST
from instruments.models import Instrument, TradingSession
from market.domain.staleness import Liveness
from market.domain.ticks import FULL, TickBatch, empty_rows
from market.models import Feed, Shard
from market.quotes import FeedState, QuoteBoard
from market.stream import TickStream
from portfolio.booking import open_account
from portfolio.models import Account
from trading import wakeups
from trading.exits import drain as exits
from trading.models import Deployment, Order, Run, RunInput, Signal, Strategy
from trading.orders import execution, fills, gates
from trading.orders.life_cycle import OrderState
from trading.orders.requests import place_manual
from trading.risk import assessment
from trading.run import deployments
from trading.run.strategy_rows import write_strategy_rows
from trading.ticks import drain

DAY = date(2026, 11, 23)
INFY = 408065


def at(clock: str) -> datetime:
    return datetime.fromisoformat(f"{DAY}T{clock}").replace(tzinfo=IST)


def make_instrument(token: int = INFY, symbol: str = "INFY", **changes: Any) -> Instrument:
    values = {
        "exchange": "NSE",
        "tradingsymbol": symbol,
        "name": symbol,
        "instrument_type": "EQ",
        "segment": "NSE",
        "tick_size": Decimal("0.10"),
        "lot_size": 1,
        "instrument_token": token,
        "exchange_token": token >> 8,
        "has_derivatives": True,
        "first_seen": DAY - timedelta(days=30),
    } | changes
    return Instrument.objects.create(**values)


# What the calendar's command writes, kept between tests: it takes half a second, and its copy some milliseconds.
CALENDAR = ("instruments_tradingsession", "instruments_freezequantity")
_calendar: dict[str, bytes] = {}


def load_sessions() -> None:
    if TradingSession.objects.filter(day=DAY).exists():
        return
    with connection.cursor() as cursor:
        if not _calendar:
            run_quietly("load_calendar", "--year", str(DAY.year))
            for table in CALENDAR:
                with cursor.copy(f"COPY {table} TO STDOUT") as copied:
                    _calendar[table] = b"".join(copied)
            return
        for table, rows in _calendar.items():
            with cursor.copy(f"COPY {table} FROM STDIN") as copied:
                copied.write(rows)


@dataclass
class Pipeline:
    """Everything of one story: ``tick`` tells the market, ``quiesce`` lets the product act until nothing is left."""

    infy: Instrument
    feed: Feed
    shard: Shard
    account: Account
    now: datetime = field(default_factory=lambda: at("10:00:00"))
    epoch: int = 1
    n: int = 0
    volume: int = 100_000

    @classmethod
    def open(cls, cash: str = "1000000") -> Pipeline:
        load_sessions()
        write_strategy_rows()
        feed = Feed.objects.create(name="kite", data_account="practice")
        pipeline = cls(
            infy=make_instrument(),
            feed=feed,
            shard=Shard.objects.create(feed=feed),
            account=open_account("Desk A", "paper", "paper", Decimal(cash)),
        )
        gates.ensure_gates()
        set_market_time(pipeline.now, 0)
        return pipeline

    @property
    def stream(self) -> TickStream:
        return TickStream(wakeups.valkey_client(), self.feed.pk)

    def deploy(self, strategy: str = "test-one-lot", **changes: Any) -> Deployment:
        values = {
            "name": f"{strategy} {Deployment.objects.count() + 1}",
            "strategy": Strategy.objects.get(name=strategy),
            "account": self.account,
            "shard": self.shard,
            "size": Decimal(10),
            "parameters": {},
        } | changes
        deployment = Deployment.objects.create(**values)
        deployment.instruments.add(self.infy)
        return deployment

    def start(self, deployment: Deployment) -> Run:
        """Start a run whose history is there already."""
        run = deployments.start_deployment(deployment, by="tests")
        deployments.notify_run(run, "begin", "begin", {"until": self.now.isoformat()})
        return run

    def trade(self, *prices: str, **changes: Any) -> Deployment:
        """Deploy, start, and play these prices: what most stories begin with."""
        deployment = self.deploy(**changes)
        self.start(deployment)
        self.play(*prices)
        return deployment

    def tick(self, price: str, after: float = 1.0, **columns: Any) -> None:
        """Append one full packet ``after`` seconds of market time."""
        self.now += timedelta(seconds=after)
        self.volume += 100
        self.append(self.packet(price, **columns))

    def append_quote(self, price: str) -> None:
        """Show a price on the board only: what a feed does again after Valkey was emptied."""
        self.show(self.packet(price))

    def packet(
        self, price: str, depth: int = 500, spread: str = "0.10", token: int = INFY, **columns: Any
    ) -> TickBatch:
        rows = empty_rows(1)
        paise, step = int(Decimal(price) * 100), int(Decimal(spread) * 100)
        row = rows[0]
        row["token"], row["mode"], row["last_price"], row["volume"] = token, FULL, paise, self.volume
        row["exchange_timestamp"] = int(self.now.timestamp())
        row["close"] = row["open"] = row["high"] = row["low"] = paise
        row["bid_price"] = [paise - i * step for i in range(5)]
        row["ask_price"] = [paise + step + i * step for i in range(5)]
        row["bid_quantity"] = row["ask_quantity"] = [depth] * 5
        for name, value in columns.items():
            row[name] = value
        return TickBatch(rows, int(self.now.timestamp() * 1000))

    def append(self, batch: TickBatch) -> None:
        self.n += 1
        set_market_time(self.now, 0)
        self.show(batch)
        self.stream.append_batch(self.epoch, self.n, batch, self.now)

    def show(self, batch: TickBatch) -> None:
        """Put a batch on the quote board, as a feed that is well does."""
        board = QuoteBoard(wakeups.valkey_client())
        board.write(batch, self.now, self.feed.name)
        board.write_feed(
            FeedState(self.feed.name, Liveness.LIVE, epoch=self.epoch, n=self.n, connected=True, market_time=self.now)
        )

    def watermark(self, after: float = 1.0) -> None:
        self.n += 1
        self.now += timedelta(seconds=after)
        set_market_time(self.now, 0)
        self.stream.append_watermark(self.epoch, self.n, self.now)

    def drain(self) -> None:
        drain.process_ticks(self.shard.pk, linger=0)

    def quiesce(self) -> None:
        """Run every stage as its worker would, until all is quiet."""
        self.drain()
        for account in Account.objects.all():
            exits.follow_exits(account.pk)
            assessment.assess_signals(account.pk)
            execution.execute_orders(account.pk)
            fills.book_trades(account.pk)

    def play(self, *prices: str, **columns: Any) -> None:
        for price in prices:
            self.tick(price, **columns)
            self.quiesce()

    def restart(self) -> None:
        """Forget what processes remember: everything must come back from PostgreSQL and the stream."""
        drain._memories.clear()

    def buy(self, quantity: int = 5, price: str | None = None, product: str = "CNC", **changes: Any) -> Signal:
        """Ask for an order by hand: at market, or at a limit."""
        asked = {"instrument": self.infy, "side": "BUY", "order_type": "LIMIT" if price else "MARKET"} | changes
        limit = Decimal(price) if price else None
        return place_manual(self.account, quantity=quantity, product=product, by="tests", price=limit, **asked)

    def go_to_next_session(self) -> None:
        """The feed is down over a night and a holiday: Monday 23 Nov to Wednesday 25 Nov 2026."""
        self.now = at("10:00:00") + timedelta(days=2)
        self.epoch, self.n = 2, 0

    def orders(self, *states: OrderState) -> list[Order]:
        found = Order.objects.order_by("id")
        return list(found.filter(state__in=states) if states else found)


def inputs_waiting() -> int:
    return RunInput.objects.filter(epoch__isnull=True).count()
