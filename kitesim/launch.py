"""Put an exchange together from flags and from what an earlier run left behind."""

import time
from datetime import date, datetime
from typing import Any, Protocol

from kitesim.clock import MarketClock
from kitesim.conductor import Conductor
from kitesim.config import Config
from kitesim.exchange import Candles, Exchange, Market
from kitesim.history import History
from kitesim.market import SyntheticMarket
from kitesim.sessions import Sessions
from kitesim.state import Store
from kitesim.trading_days import IST, day_of, first_trading_day_from, hours_of, midnight
from kitesim.world import World


class Programme(Protocol):
    """What is played: a synthetic market for ever, or a replay once."""

    exchange: Exchange

    async def run(self) -> None: ...
    async def advance_to(self, market_second: int) -> None: ...
    def start(self) -> None: ...
    def save(self, stopping: bool = False) -> None: ...


def assemble(config: Config) -> Programme:
    return synthetic(config)


def _exchange(config: Config, market: Market, history: Candles, clock: MarketClock, store: Store) -> Exchange:
    sessions = Sessions(config.apps, store, clock.now, time.time, config.keep_sessions)
    return Exchange(market, history, clock, store, sessions, config.cash, config.order_latency)


def synthetic(config: Config) -> Conductor:
    """A new market, or the one in the state folder exactly where it stopped."""
    store = Store(config.state_dir)
    first_day = _same_world(store, config)
    left: dict[str, Any] | None = store.get("clock")
    start_ms = left["market_ms"] if left else _first_moment(first_day, config) * 1000
    clock = MarketClock(start_ms, config.rate)
    world = World(config.seed, first_day)
    market = SyntheticMarket(world, day_of(start_ms / 1000))
    history = History(world, market, config.history_days)
    exchange = _exchange(config, market, history, clock, store)
    exchange.seq = left["seq"] if left else 0
    return Conductor(exchange, market, config.night)


def _same_world(store: Store, config: Config) -> date:
    """The market's first day; raises ValueError if the folder holds another seed's market."""
    kept = store.get("world")
    if kept is None:
        kept = {"seed": config.seed, "first_day": first_trading_day_from(config.first_day).isoformat()}
        store.put("world", kept)
    if kept["seed"] != config.seed:
        raise ValueError(f"{config.state_dir} holds the market of seed {kept['seed']}; use that seed or another folder")
    return date.fromisoformat(kept["first_day"])


def _first_moment(day: date, config: Config) -> int:
    if config.open_at is None:
        return midnight(day) + hours_of(day).pre_open
    return int(datetime.combine(day, config.open_at, IST).timestamp())
