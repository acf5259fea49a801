"""Replay one day through the whole product, in lockstep, in a scratch database and Valkey of its own."""

import json
import os
import time
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta
from decimal import Decimal
from pathlib import Path
from typing import Any

from django.conf import settings
from django.db.models import QuerySet

from alphapanda.core.clock.services import set_market_time
from alphapanda.core.commands import run_quietly
from alphapanda.core.timezone import IST
from alphapanda.runner import demo_setup, practice
from alphapanda.runner import processes as processes
from alphapanda.runner.supervisor import Child, Supervisor
from instruments.models import Instrument
from market.feed_process import look_up_wanted
from market.models import Candle, Recording, Shard
from market.playback import play_recordings
from market.stream import TickStream
from portfolio.booking import open_account
from portfolio.models import Account
from trading import wakeups
from trading.brokers.choice import log_in_to_practice
from trading.lab.lines import differences, lines_of
from trading.lab.repeating import engine_of
from trading.models import Deployment, RiskLimit, Strategy
from trading.orders import gates
from trading.orders.digest import canonical_lines, day_digest, row_counts
from trading.run import deployments
from trading.ticks.quiesced import is_quiesced
from trading.ticks.sweeping import sweep_partitions

ACCOUNT = "Replay"
Bar = tuple[Decimal, Decimal, Decimal, Decimal, int]


class ReplayFailed(Exception):
    """The replay did not come to its end."""


@dataclass(frozen=True)
class ReplayPlan:
    """What to replay, and with which deployments (each a dict as in ``default_deployments``)."""

    day: date
    candles: list[Path]
    deployments: list[dict[str, Any]]
    longest_seconds: float = 1200.0
    rows: Path | None = None
    backtest: bool = False  # record the day, and let the engine in memory go through it too


@dataclass(frozen=True)
class Comparison:
    """One-minute candles that went in against those built; ``incomplete`` were built of a part only."""

    candles: int
    incomplete: int
    differences: list[str]


@dataclass(frozen=True)
class Backtested:
    """The engine in memory on the recording of the day, and what it does otherwise than the rows, in words."""

    entries: int
    seconds: float
    differences: list[str]


@dataclass(frozen=True)
class ReplayResult:
    digest: str
    counts: dict[str, int]
    compared: Comparison
    seconds: float
    backtested: Backtested | None = None


def default_deployments(symbols: list[str]) -> list[dict[str, Any]]:
    """The four strategies, each on a share of the symbols; smaller sizes for a long list of shares."""
    groups = [symbols[nth::4] for nth in range(4)]
    strategies = ("momentum", "mean_reversion", "moving_average_crossover", "opening_range_breakout")
    return [
        {"name": strategy, "strategy": strategy, "symbols": group, "parameters": {}, "capital": "100000"}
        for strategy, group in zip(strategies, groups, strict=True)
        if group
    ]


def play_day(plan: ReplayPlan, folder: Path, told: Any = lambda text: None) -> ReplayResult:
    """Run the day and return what came of it; its processes stay. Raises ReplayFailed or NotReady."""
    began = time.monotonic()
    port = processes.free_port()
    url = f"http://127.0.0.1:{port}"
    supervisor = practice.server_supervisor()
    supervisor.base = set_environment(folder, url) | {"LOCKSTEP": "True"}
    secrets = processes.data_account_secrets(folder)
    os.environ.update(secrets)
    supervisor.start(_kitesim(port, plan))
    # They take seconds to import what they need, and find nothing to do in a new Valkey until the day is set up.
    for child in processes.worker_children(secrets):
        supervisor.start(child)
    run_quietly("migrate", "--no-input")
    run_quietly("load_calendar", "--year", str(plan.day.year))
    clock = processes.wait_for(f"{url}/sim/clock", "The practice exchange")
    set_market_time(datetime.fromisoformat(clock["market_time"]), 0)
    shard = _set_up(plan)
    _wait_until_warm(supervisor, plan)
    told("Warm; the day begins.")
    command = [*processes.feed_child(secrets).command, *(["--record"] if plan.backtest else [])]
    feed = supervisor.start(Child("feed", command, secrets, ends=True))
    _wait_until_played(supervisor, feed, shard, plan, told)
    compared = compare_candles(plan)
    if plan.rows:
        plan.rows.write_bytes(b"".join(canonical_lines()))
    seconds = time.monotonic() - began
    backtested = backtest_recording(shard) if plan.backtest else None
    return ReplayResult(day_digest(), row_counts(), compared, seconds, backtested)


def backtest_recording(shard: Shard) -> Backtested:
    """Feed the engine what the feed recorded, and compare what it decided and did with the rows."""
    recording = Recording.objects.get(feed=shard.feed)
    began, entries = time.monotonic(), 0
    engine = engine_of(Account.objects.get(name=ACCOUNT), shard.feed, recording.day)
    for entry in play_recordings([Path(recording.path)], look_up_wanted(shard.feed).rules):
        engine.step(entry)
        entries += 1
    unlike = list(differences(list(canonical_lines()), list(lines_of(engine.account))))
    return Backtested(entries, time.monotonic() - began, unlike)


def set_environment(folder: Path, url: str) -> dict[str, str]:
    """What the children may know, and this process from now on."""
    base = processes.base_environment(folder, url)
    os.environ.update(base)
    for name in ("KITE_ROOT", "KITE_LOGIN_ROOT", "KITE_TICKER_ROOT", "PRACTICE_CLOCK_URL"):
        setattr(settings, name, base[name])
    settings.SIGNAL_LIFE = timedelta(seconds=int(base["SIGNAL_LIFE_SECONDS"]))
    return base


def _kitesim(port: int, plan: ReplayPlan) -> Child:
    child = processes.python_module("kitesim", "--port", str(port), "--replay", *map(str, plan.candles))
    return Child(
        "kitesim", [*child, "--replay-day", plan.day.isoformat(), "--lockstep", "--keep-sessions", "--no-limits"]
    )


def _set_up(plan: ReplayPlan) -> Shard:
    demo_setup.create_demo_user()
    data = demo_setup.ensure_data_account()
    log_in_to_practice(data.name)
    run_quietly("load_instruments")
    shard = demo_setup.ensure_feed()
    account = open_account(ACCOUNT, "paper", "paper", demo_setup.OPENING_CASH)
    RiskLimit.objects.create(account=account, max_order_value=Decimal(250_000), max_gross=Decimal(2_500_000))
    gates.ensure_gates()
    demo_setup.subscribe_all(shard.feed)
    for wanted in plan.deployments or default_deployments(sorted(listed_symbols())):
        deployments.start_deployment(_deploy(wanted, account, shard), by="replay")
    return shard


def listed_symbols() -> list[str]:
    return list(
        Instrument.objects.listed()
        .filter(segment="NSE")
        .order_by("tradingsymbol")
        .values_list("tradingsymbol", flat=True)
    )


def _deploy(wanted: dict[str, Any], account: Account, shard: Shard) -> Deployment:
    deployment = Deployment.objects.create(
        name=wanted["name"],
        strategy=Strategy.objects.get(name=wanted["strategy"]),
        account=account,
        shard=shard,
        parameters=deployments.check_parameters(wanted["strategy"], wanted.get("parameters", {})),
        sizing="capital",
        size=Decimal(wanted.get("capital", "100000")),
    )
    instruments = Instrument.objects.by_keys([f"NSE:{symbol}" for symbol in wanted["symbols"]])
    deployment.instruments.set(instruments.values())
    return deployment


def _wait_until_warm(supervisor: Supervisor, plan: ReplayPlan) -> None:
    for _ in _watching(supervisor, plan.longest_seconds):
        if not Deployment.objects.filter(state="warming", runs__inputs__isnull=True).exists():
            return
    raise ReplayFailed("the deployments did not warm up")


def _wait_until_played(supervisor: Supervisor, feed: Child, shard: Shard, plan: ReplayPlan, told: Any) -> None:
    """Return when the feed has ended by itself and all that its last frame caused is committed."""
    for _ in _watching(supervisor, plan.longest_seconds, told, shard):
        if feed.is_done and _is_quiet(shard):
            return
    raise ReplayFailed(f"the day was not over after {plan.longest_seconds:.0f} s")


def built_candles(day: date) -> QuerySet[Candle]:
    return Candle.objects.filter(interval=1, start__date=day)


def _watching(supervisor: Supervisor, seconds: float, told: Any = None, shard: Shard | None = None) -> Iterator[None]:
    """Look after the processes and sweep each second, as beat does, until the caller stops asking."""
    deadline, said, swept = time.monotonic() + seconds, time.monotonic(), float("-inf")
    while time.monotonic() < deadline:
        supervisor.watch()
        if time.monotonic() - swept >= 1:
            swept = time.monotonic()
            sweep_partitions()
        if told and shard and time.monotonic() - said > 5:
            said = time.monotonic()
            shard.refresh_from_db()
            told(f"{shard.n} entries played")
        yield
        time.sleep(0.25)


def _is_quiet(shard: Shard) -> bool:
    return is_quiesced(shard.feed_id, TickStream(wakeups.valkey_client(), shard.feed_id).last_position())


def compare_candles(plan: ReplayPlan) -> Comparison:
    """Compare what went in with what was built of whole minutes.

    A minute joined late, or with a gap, says itself that it is not complete and is only counted. A recording holds no
    candles to compare with.
    """
    rows = list(built_candles(plan.day).select_related("instrument"))
    built = {(row.instrument.tradingsymbol, row.start): _bar_of(row) for row in rows}
    incomplete = {(row.instrument.tradingsymbol, row.start) for row in rows if not row.complete}
    wanted = candles_of(plan.candles, plan.day)
    differences = [
        f"{symbol} {start.astimezone(IST):%H:%M}: {_shown(wanted.get(key))} in, {_shown(built.get(key))} built"
        for key in sorted((wanted.keys() | built.keys()) - incomplete if wanted else ())
        if wanted.get(key) != built.get(key)
        for symbol, start in [key]
    ]
    return Comparison(len(wanted), len(incomplete), differences)


def _bar_of(row: Candle) -> Bar:
    return row.open, row.high, row.low, row.close, row.volume


def _shown(bar: Bar | None) -> str:
    return "none" if bar is None else " ".join(map(str, bar))


def candles_of(paths: list[Path], day: date) -> dict[tuple[str, datetime], Bar]:
    """Read the day's candles anew, without kitesim's help."""
    os.environ.setdefault("POLARS_IGNORE_TIMEZONE_PARSE_ERROR", "1")  # a zone written as a bare offset
    import polars

    found: dict[tuple[str, datetime], Bar] = {}
    for path in sorted(file for given in paths for file in (given.iterdir() if given.is_dir() else [given])):
        if path.suffix not in (".parquet", ".csv"):
            continue
        frame = polars.read_parquet(path) if path.suffix == ".parquet" else polars.read_csv(path, try_parse_dates=True)
        for symbol, at, *prices, volume in frame.select(
            "symbol", "timestamp", "open", "high", "low", "close", "volume"
        ).iter_rows():
            start = (at if at.tzinfo else at.replace(tzinfo=IST)).astimezone(UTC)
            if start.astimezone(IST).date() == day:
                bar = tuple(Decimal(str(price)).quantize(Decimal("0.0001")) for price in prices)
                found[symbol.removesuffix("-EQ"), start] = (*bar, int(volume))  # type: ignore[assignment]
    return found


def read_deployments(path: Path | None) -> list[dict[str, Any]]:
    return json.loads(path.read_text()) if path else []
