"""A year of one-minute candles of fifty shares through each shipped strategy: bars a second, and the most memory.

    python -m benchmarks.year_of_candles [--days 250] [--shares 50] [--strategy NAME] [--callbacks] [--json FILE]

Seeded walks with a drift of their own each half hour and a gap each morning, in the tick of 5 paise; each strategy with
its own defaults, as a deployment of 100,000 rupees a position: asked where it could act (``--callbacks``: at every
candle), through gate, exits, paper exchange, charges by date and lots, to the figures of a result. Each plays in a
process of its own, one after the other; its memory is the most that process ever held, the candles' columns among it.
Not in it: reading files, and what a database would be asked (calendar and bands; here all weekdays trade, without
bands).
"""

import argparse
import json
import os
import resource
import subprocess
import sys
import time
from datetime import date, timedelta
from datetime import time as clock
from decimal import Decimal
from pathlib import Path
from types import SimpleNamespace

import django
import numpy as np

from benchmarks.harness import describe_machine, markdown_table
from benchmarks.p4_backtest import HALF_A_PERCENT, NO_LIMITS, token_of
from portfolio.domain.costs import ChargeRates
from trading.lab.account import AccountTerms, Deployed, MemoryAccount
from trading.lab.bar_board import BarBoard
from trading.lab.bar_engine import BarEngine
from trading.lab.bar_path import FillTerms
from trading.lab.bar_player import BarPlayer
from trading.lab.candles import Bars, Sessions, moment
from trading.lab.engine import LabRun
from trading.lab.plain_facts import PlainFacts
from trading.lab.result import figures_of
from trading.lab.tally import Tally
from trading.run.host import RunHost
from trading.run.sizing import ByCapital
from trading.run.terms import RunTerms
from trading.strategies.registry import find_strategies
from trading.strategies.values import InstrumentSpec

FIRST = date(2025, 12, 1)  # a Monday
MINUTES, HALF_HOUR, TICK, FIRST_PRICE = 375, 30, 5, 150_000
CAPITAL, A_POSITION = Decimal(10_000_000), Decimal(100_000)
ENTRIES, FLAT_BY = (clock(9, 20), clock(14, 45)), clock(15, 5)
TARGET_SECONDS, TARGET_MB = 300, 1000


def weekdays(count: int) -> list[date]:
    ahead = (FIRST + timedelta(days=nth) for nth in range(count * 2))
    return [day for day in ahead if day.weekday() < 5][:count]


def make_year(seed: int, days: list[date]) -> Bars:
    """Four prices a minute, each a step of up to twelve ticks about the half hour's drift."""
    dice = np.random.default_rng(seed)
    drifts = np.repeat(dice.integers(-4, 5, (len(days), MINUTES // HALF_HOUR + 1)), HALF_HOUR, axis=1)[:, :MINUTES]
    steps = dice.integers(-12, 13, (len(days), MINUTES, 4)) + drifts[:, :, None]
    steps[:, 0, 0] += dice.integers(-100, 101, len(days))
    path = np.cumsum(steps.reshape(-1)).reshape(-1, 4) * TICK
    # Turned back at 500 rupees, since a year of steps would lead below nothing.
    path = np.abs(FIRST_PRICE - 50_000 + path) + 50_000
    opens = np.concatenate([[FIRST_PRICE], path[:-1, -1]])
    begins = [int(time_of_open(day)) for day in days]
    starts = (np.array(begins)[:, None] + 60 * np.arange(MINUTES)).reshape(-1)
    prices = (opens, np.maximum(opens, path.max(1)), np.minimum(opens, path.min(1)), path[:, -1])
    volumes = dice.integers(20, 401, len(starts)) * 100
    return Bars(starts, *(one.astype(np.int32) for one in prices), volumes)


def time_of_open(day: date) -> float:
    return (day - date(1970, 1, 1)).days * 86_400 + (9 * 60 + 15) * 60 - 19_800


def shipped_rates() -> ChargeRates:
    """Those that are loaded into the database, as their file has them."""
    os.environ.setdefault("DJANGO_SETTINGS_MODULE", "alphapanda.settings")
    django.setup()
    from portfolio.charging import seeded_rates  # not to be imported before

    return ChargeRates(SimpleNamespace(**row) for row in seeded_rates())


def make_player(name: str, shares: int, days: list[date], *, asks_always: bool) -> BarPlayer:
    tokens = [token_of(nth) for nth in range(shares)]
    specs = {
        token: InstrumentSpec(f"NSE:W{nth}", "NSE", f"W{nth}", "EQ", "NSE", Decimal("0.05"), 1)
        for nth, token in enumerate(tokens)
    }
    facts = PlainFacts(specs, protections={"NSE": HALF_A_PERCENT})
    rates = shipped_rates()
    granted = AccountTerms(
        CAPITAL, lambda exchange: rates, lambda name: NO_LIMITS, "salt", timedelta(milliseconds=400),
        timedelta(seconds=10),
    )  # fmt: skip
    fills = FillTerms()
    engine = BarEngine(MemoryAccount(granted, BarBoard(facts, terms=fills), keeps_checks=False), specs, ())
    terms = RunTerms(tuple(specs.values()), "MIS", ByCapital(A_POSITION), *ENTRIES, flat_by=FLAT_BY)
    strategy_class = find_strategies()[name]
    strategy = strategy_class(strategy_class.Parameters(), terms.specs)
    host = RunHost(strategy, terms, engine.session, moment(time_of_open(days[0])), keeps_waits=False)
    keys = frozenset(spec.key for spec in specs.values())
    engine.add_run(LabRun(Deployed(name, "MIS", ENTRIES[1], FLAT_BY), host, keys))
    bars = {token: make_year(seed, days) for seed, token in enumerate(tokens)}
    sessions = {token: Sessions.of(one, lambda day: facts.schedule(tokens[0], day)) for token, one in bars.items()}
    return BarPlayer(engine, bars, sessions, fills, asks_always=asks_always)


def play(name: str, shares: int, days: int, *, asks_always: bool) -> dict:
    player = make_player(name, shares, weekdays(days), asks_always=asks_always)
    began, processor = time.monotonic(), time.process_time()
    tally = Tally(player.engine)
    for day in player.play():
        tally.note_end(day)
    figures = figures_of(CAPITAL, tally.days, tally.played(player.days).trips)
    processor = time.process_time() - processor
    bars = sum(map(len, player.bars.values()))
    return {
        "bars": bars, "seconds": round(time.monotonic() - began), "processor": round(processor),
        "bars_per_s": round(bars / processor), "fills": player.engine.account.holdings.booked,
        "trades": figures.trades, "net": str(figures.net),
        "most_mb": resource.getrusage(resource.RUSAGE_SELF).ru_maxrss // 1024,
    }  # fmt: skip


def play_apart(name: str, options: argparse.Namespace) -> dict:
    """In a process of its own, so that its memory is its own."""
    size = ["--shares", str(options.shares), "--days", str(options.days), *["--callbacks"] * options.callbacks]
    command = [sys.executable, "-m", "benchmarks.year_of_candles", "--strategy", name, *size]
    found = json.loads(subprocess.run(command, check=True, stdout=subprocess.PIPE).stdout)
    print(f"{name}: {found}", file=sys.stderr)
    return found


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--days", type=int, default=250)
    parser.add_argument("--shares", type=int, default=50)
    parser.add_argument("--strategy", help="only this one, here, and its figures as JSON")
    parser.add_argument("--callbacks", action="store_true", help="ask at every candle, not only where it could act")
    parser.add_argument("--json", type=Path, help="write what was found to this file, too")
    options = parser.parse_args()
    if options.strategy:
        print(json.dumps(play(options.strategy, options.shares, options.days, asks_always=options.callbacks)))
        return
    machine = describe_machine("numpy")
    found = {name: play_apart(name, options) for name in find_strategies()}
    columns = ("bars_per_s", "processor", "seconds", "fills", "trades", "most_mb")
    rows = [(name, *(one[key] for key in columns)) for name, one in found.items()]
    print(markdown_table(("strategy", *columns), rows))
    whole = sum(one["processor"] for one in found.values())
    most = max(one["most_mb"] for one in found.values())
    print(f"All four {whole} s of a processor (target {TARGET_SECONDS}), at most {most} MB (target {TARGET_MB}).")
    if options.json:
        report = {"benchmark": "year of candles", **machine, "found": found}
        options.json.write_text(json.dumps(report, indent=2) + "\n")


if __name__ == "__main__":
    main()
