"""Put an exchange together from flags and from what an earlier run left behind."""

import time
from datetime import date, datetime
from typing import Any

from kitesim.config import Config
from kitesim.exchange.clock import MarketClock
from kitesim.exchange.exchange import Candles, Exchange, Market
from kitesim.exchange.fair_values import FairValues, Shock
from kitesim.exchange.history import History
from kitesim.exchange.market import SyntheticMarket
from kitesim.exchange.trading_days import IST, day_of, first_trading_day_from, hours_of, midnight_of
from kitesim.replay.candle_market import CandleHistory, CandleMarket
from kitesim.replay.candle_replay import CandleReplay
from kitesim.replay.conductor import Conductor
from kitesim.replay.programme import Programme
from kitesim.replay.recording import NoHistory, RecordedMarket, RecordingReplay, is_recording, read_recording
from kitesim.server.sessions import Sessions
from kitesim.state import Store


def assemble_programme(config: Config) -> Programme:
    """What the flags ask for. Raises ValueError, in words, if it cannot be played."""
    if not config.replay:
        return synthetic_programme(config)
    if is_recording(config.replay[0]):
        return recorded_programme(config)
    return candle_programme(config)


def candle_programme(config: Config) -> CandleReplay:
    if config.replay_day is None:
        raise ValueError("--replay of candles needs --replay-day")
    from kitesim.replay.candle_files import candle_paths, read_candles  # polars takes a while to load

    files = read_candles(candle_paths(config.replay), config.replay_day)
    market = CandleMarket(files, config.replay_day, config.tokens, config.seed, config.closes)
    clock = _replay_clock(config, market, market.seconds[0] * 1000)
    exchange = _exchange(config, market, CandleHistory(market), clock, Store(None))
    return CandleReplay(exchange, market, config.lockstep)


def recorded_programme(config: Config) -> RecordingReplay:
    records = read_recording(config.replay[0])
    market = RecordedMarket(records)
    clock = _replay_clock(config, market, records[0].market_time)
    exchange = _exchange(config, market, NoHistory(), clock, Store(None), snapshots=False)
    return RecordingReplay(exchange, records, config.lockstep)


def _replay_clock(config: Config, market: Market, first_ms: int) -> MarketClock:
    """Starts when asked, or a minute of market time before the first tick."""
    asked = _first_moment(market.day, config) * 1000 if config.open_at else first_ms - 60_000
    return MarketClock(min(asked, first_ms), 0 if config.lockstep else config.rate)


def _exchange(
    config: Config, market: Market, history: Candles, clock: MarketClock, store: Store, snapshots: bool = True
) -> Exchange:
    sessions = Sessions(config.apps, store, clock.now, time.time, config.keep_sessions)
    exchange = Exchange(market, history, clock, store, sessions, config.cash, config.order_latency)
    exchange.snapshots = snapshots
    return exchange


def synthetic_programme(config: Config) -> Conductor:
    """A new market, or the one in the state folder exactly where it stopped."""
    store = Store(config.state_dir)
    first_day = _same_values(store, config)
    left: dict[str, Any] | None = store.get("clock")
    start_ms = left["market_ms"] if left else _first_moment(first_day, config) * 1000
    clock = MarketClock(start_ms, config.rate)
    world = FairValues(config.seed, first_day)
    for kept in store.get("shocks") or []:
        world.add_shock(Shock(**{**kept, "day": date.fromisoformat(kept["day"])}))
    market = SyntheticMarket(world, day_of(start_ms / 1000))
    history = History(world, market, config.history_days)
    exchange = _exchange(config, market, history, clock, store)
    exchange.seq = left["seq"] if left else 0
    return Conductor(exchange, market, config.night)


def _same_values(store: Store, config: Config) -> date:
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
        return midnight_of(day) + hours_of(day).pre_open
    return int(datetime.combine(day, config.open_at, IST).timestamp())
