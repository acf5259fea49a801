"""P5: ticks a second through a strategy with two averages, one share, beside nautilus_trader in the same run.

    python -m benchmarks.p5_ticks [--ticks 2000000] [--rounds 3] [--json FILE]

The strategy hears each tick and counts how often the averages of the last 20 and 50 prices cross; it trades nothing.
Measured twice: the run's host alone, given ticks as values, and the whole engine, given the stream's entries of one
tick each, as a recording of one share is played. Every contestant must count the same crossings. Its data is made ready
before its time begins; seconds are the processor's, medians of the rounds.
"""

import argparse
import json
import statistics
import sys
from collections.abc import Callable
from datetime import UTC, datetime
from decimal import Decimal
from pathlib import Path

import numpy as np

from benchmarks.bar_sets import STARTS_AT, make_ticks, timed
from benchmarks.harness import describe_machine, markdown_table
from benchmarks.p4_backtest import AlwaysOpen, account_terms, token_of
from benchmarks.rivals.client import HOW, ask_rival, is_installed
from market.domain.entries import StreamEntry, StreamPosition
from market.domain.ticks import FULL, TickBatch, empty_rows
from trading.lab.account import Deployed, MemoryAccount
from trading.lab.candles import moment
from trading.lab.engine import Engine, LabRun
from trading.lab.facts import Board
from trading.run.host import RunHost
from trading.run.sizing import ByLots
from trading.run.terms import RunTerms
from trading.strategies.api import SimpleAverage, Strategy, StrategyParameters, Tick
from trading.strategies.values import InstrumentSpec

FAST, SLOW = 20, 50
TARGET = 2.0  # × nautilus_trader, as callbacks
BLOCK = 20_000  # ticks made ready at a time
TOKEN = token_of(0)
SHARE = InstrumentSpec("NSE:W", "NSE", "W", "EQ", "NSE", Decimal("0.01"), 1)


class TwoAverages(Strategy[StrategyParameters]):
    name = "two_averages"
    wants_ticks = True
    side = crossed = heard = 0

    def __init__(self, *given):
        super().__init__(*given)
        self.fast, self.slow = SimpleAverage(FAST), SimpleAverage(SLOW)

    def on_tick(self, ctx, tick):
        self.fast.add_close(tick.last_price)
        self.slow.add_close(tick.last_price)
        self.heard += 1
        if self.heard >= SLOW:
            gap, was = self.fast.value - self.slow.value, self.side
            self.side = (1 if gap > 0 else -1) if gap else was
            self.crossed += was * self.side < 0
        return ()


def make_run() -> tuple[Engine, RunHost]:
    facts = AlwaysOpen({TOKEN: SHARE})
    engine = Engine(MemoryAccount(account_terms(), Board(facts)), facts.specs, ())
    terms = RunTerms((SHARE,), "CNC", ByLots(1))
    strategy = TwoAverages(TwoAverages.Parameters(), terms.specs)
    host = RunHost(strategy, terms, engine.session, moment(STARTS_AT), keeps_waits=False)
    engine.add_run(LabRun(Deployed("run", "CNC", None, None), host, frozenset({SHARE.key})))
    return engine, host


def play_host(count: int) -> dict:
    _, host = make_run()

    def ready(begin: int, prices: list[int]) -> Callable[[], None]:
        ats = [moment(STARTS_AT + nth) for nth in range(begin, begin + len(prices))]
        money = [Decimal(price) / 100 for price in prices]
        ticks = [Tick(SHARE.key, price, price, price, 0, at) for price, at in zip(money, ats, strict=True)]

        def play() -> None:
            for tick in ticks:
                host.on_ticks((tick,), tick.at)

        return play

    return {"seconds": timed_blocks(count, ready), "crossed": host.strategy.crossed}


def play_engine(count: int) -> dict:
    engine, host = make_run()

    def ready(begin: int, prices: list[int]) -> Callable[[], None]:
        entries = entries_of(begin, prices)

        def play() -> None:
            for entry in entries:
                engine.step(entry)

        return play

    return {"seconds": timed_blocks(count, ready), "crossed": host.strategy.crossed}


def entries_of(begin: int, prices: list[int]) -> list[StreamEntry]:
    rows = empty_rows(len(prices))
    seconds = STARTS_AT + begin + np.arange(len(prices))
    rows["token"], rows["mode"], rows["exchange_timestamp"], rows["last_price"] = TOKEN, FULL, seconds, prices
    rows["bid_price"][:, 0] = rows["ask_price"][:, 0] = prices
    rows["bid_quantity"][:, 0] = rows["ask_quantity"][:, 0] = 1
    return [
        StreamEntry(StreamPosition(1, begin + nth + 1), "ticks", at, TickBatch(rows[nth : nth + 1], second * 1000))
        for nth, second in enumerate(seconds.tolist())
        for at in [datetime.fromtimestamp(second, UTC)]
    ]


def timed_blocks(count: int, ready: Callable[[int, list[int]], Callable[[], None]]) -> float:
    prices = make_ticks(count).tolist()
    blocks = range(0, count, BLOCK)
    return sum(timed(ready(begin, prices[begin : begin + BLOCK]))[0] for begin in blocks)


CONTESTANTS: dict[str, Callable[[int], dict]] = {
    "run's host": play_host,
    "whole engine": play_engine,
    "nautilus_trader": lambda count: ask_rival("nautilus_trader", ticks=count),
}


def measure(count: int, rounds: int) -> dict[str, float]:
    found: dict[str, list[dict]] = {name: [] for name in CONTESTANTS}
    for _ in range(rounds):
        for name, play in CONTESTANTS.items():
            found[name].append(play(count))
            print(f"{name}: {found[name][-1]['seconds']:.1f} s", file=sys.stderr)
    crossed = {name: runs[-1]["crossed"] for name, runs in found.items()}
    if len(set(crossed.values())) > 1:
        raise SystemExit(f"not the same crossings: {crossed}")
    print(f"all counted {crossed['nautilus_trader']:,} crossings")
    return {name: count / statistics.median(run["seconds"] for run in runs) for name, runs in found.items()}


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--ticks", type=int, default=2_000_000)
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--json", type=Path, help="write what was found to this file, too")
    options = parser.parse_args()
    if not is_installed():
        raise SystemExit(HOW)
    machine = describe_machine("numpy")
    found = measure(options.ticks, options.rounds)
    theirs = found["nautilus_trader"]
    rows = [(name, f"{each:,.0f}", f"{each / theirs:.2f}", judged(name, each / theirs)) for name, each in found.items()]
    print(markdown_table(("ticks through", "ticks/s", "× nautilus_trader", "target"), rows))
    if options.json:
        report = {"benchmark": "P5 ticks", **machine, "ticks": options.ticks, "ticks_per_s": found}
        options.json.write_text(json.dumps(report, indent=2) + "\n")


def judged(name: str, times: float) -> str:
    return "–" if name == "nautilus_trader" else f"≥ {TARGET:g} ({'met' if times >= TARGET else 'short'})"


if __name__ == "__main__":
    main()
