"""P4: bars a second of a backtest, beside backtrader, nautilus_trader and backtesting.py in the same run.

    python -m benchmarks.p4_backtest [--share 1.0] [--rounds 3] [--json FILE]

The shipped crossover (averages of 20 and 50 closes, buying only) on one share of 500,000 bars and on fifty of 10,000,
in vector form (asked only where it could act) and through callbacks at every bar: the run's host, the gate, exits that
are followed up, the paper exchange, charges and lots, as a deployment trades. The market never closes, an order costs
20 rupees, the tick is a paisa, orders fill at the next open, and what is held in the end is marked at the last close.
Before anything is compared in speed, every fill and the equity of all must be the same. Engines take turns, each with
its data made ready before its time begins; seconds are the processor's, medians of the rounds. ``--share`` plays only
so much of each walk. Where the others are not installed, only ours play.
"""

import argparse
import json
import statistics
import sys
from collections.abc import Sequence
from datetime import date, datetime, time, timedelta
from decimal import Decimal
from functools import cache
from pathlib import Path
from types import SimpleNamespace

from alphapanda.core.timezone import IST
from benchmarks.bar_sets import CASH, FEE, STARTS_AT, Walk, digest_of, make_walk, timed
from benchmarks.harness import describe_machine, markdown_table
from benchmarks.rivals.client import ENGINES, HOW, ask_rival, is_installed
from instruments.domain.price_protection import Protection, Step
from instruments.domain.sessions import DaySchedule, Phase, PhaseKind
from market.domain.ticks import SEGMENTS
from portfolio.domain.charges import ORDER_KINDS, ChargeKind, ChargeSegment
from portfolio.domain.costs import ChargeRates
from trading.lab.account import AccountTerms, Deployed, MemoryAccount
from trading.lab.bar_board import BarBoard
from trading.lab.bar_engine import BarEngine
from trading.lab.bar_path import FillTerms
from trading.lab.bar_player import BarPlayer
from trading.lab.candles import Bars, Sessions, moment
from trading.lab.engine import LabRun
from trading.lab.plain_facts import PlainFacts
from trading.risk.inputs import Limits, RiskLimits
from trading.run.host import RunHost
from trading.run.sizing import ByLots
from trading.run.terms import RunTerms
from trading.strategies.moving_average_crossover import MovingAverageCrossover
from trading.strategies.values import InstrumentSpec

SETS = {"A": (1, 500_000), "B": (50, 10_000)}
OURS, CALLBACKS = "ours, vector", "ours, callbacks"
# Ours beside each, at the least; callbacks owe backtesting.py nothing: it has no gate, no book and no charges by date.
TARGETS = {
    OURS: {"backtrader": 50.0, "nautilus_trader": 25.0, "backtesting": 4.0},
    CALLBACKS: {"backtrader": 5.0, "nautilus_trader": 2.0},
}
PARAMETERS = {
    "kind": "SMA", "fast": 20, "slow": 50, "enter_within": 0, "long_only": True, "interval": 1, "stop_percent": "20",
}  # fmt: skip
AT_THE_PRICE = FillTerms(Decimal(0), volume_share=None)
NO_LIMITS = RiskLimits(timedelta(seconds=10), Decimal(2), Limits(), Limits())
PAISA = Decimal("0.01")
HALF_A_PERCENT = Protection((Step(None, Decimal("0.5"), None),))  # of shares above 500 rupees
DAY = date(2025, 1, 1)


class AlwaysOpen(PlainFacts):
    """A market that never closes, as other engines have it."""

    def schedule(self, token: int, day: date) -> DaySchedule:
        opens = datetime.combine(day, time(), IST)
        phase = Phase(PhaseKind.CONTINUOUS, opens, opens + timedelta(days=1))
        return DaySchedule("NSE", "equity", day, (phase,))


@cache
def flat_rates(exchange: str) -> ChargeRates:
    """Twenty rupees an order; every other charge is known, and nothing."""
    rows = [
        SimpleNamespace(
            kind=kind, exchange=exchange, segment=segment, effective_from=DAY, buy_rate=Decimal(0),
            sell_rate=Decimal(0), cap=None, flat=Decimal(FEE) / 100 if kind == ChargeKind.BROKERAGE else None,
        )
        for kind in (*ORDER_KINDS, ChargeKind.DP)
        for segment in (ChargeSegment.DELIVERY, ChargeSegment.INTRADAY)
    ]  # fmt: skip
    return ChargeRates(rows)


def token_of(nth: int) -> int:
    """A token of NSE's shares, whose prices are in paise."""
    return (nth + 1) << 8 | SEGMENTS["nse"]


def account_terms() -> AccountTerms:
    latency, signal_life = timedelta(milliseconds=400), timedelta(seconds=10)
    return AccountTerms(Decimal(CASH) / 100, flat_rates, lambda name: NO_LIMITS, "salt", latency, signal_life)


def make_player(walks: list[Walk], *, asks_always: bool = False) -> BarPlayer:
    tokens = [token_of(nth) for nth in range(len(walks))]
    specs = {token: InstrumentSpec(f"NSE:W{token}", "NSE", f"W{token}", "EQ", "NSE", PAISA, 1) for token in tokens}
    facts = AlwaysOpen(specs, protections={"NSE": HALF_A_PERCENT})
    engine = BarEngine(MemoryAccount(account_terms(), BarBoard(facts, terms=AT_THE_PRICE)), facts.specs, ())
    terms = RunTerms(tuple(specs.values()), "CNC", ByLots(1))
    strategy = MovingAverageCrossover(MovingAverageCrossover.Parameters.from_json(PARAMETERS), terms.specs)
    host = RunHost(strategy, terms, engine.session, moment(STARTS_AT), keeps_waits=False)
    engine.add_run(LabRun(Deployed("run", "CNC", None, None), host, frozenset(spec.key for spec in specs.values())))
    bars = {token: Bars(*walk) for token, walk in zip(tokens, walks, strict=True)}
    sessions = {token: Sessions.of(one, lambda day: facts.schedule(tokens[0], day)) for token, one in bars.items()}
    return BarPlayer(engine, bars, sessions, AT_THE_PRICE, asks_always=asks_always)


def play_ours(instruments: int, bars: int, *, asks_always: bool = False) -> dict:
    walks = [make_walk(seed, bars) for seed in range(instruments)]

    def play() -> BarPlayer:
        player = make_player(walks, asks_always=asks_always)
        for _ in player.play():
            pass
        return player

    seconds, player = timed(play)
    account = player.engine.account
    fills: dict[int, list[tuple[int, int, int]]] = {token: [] for token in player.bars}
    for fill in account.fills:
        nth = (int(fill.at.timestamp()) - STARTS_AT) // 60
        fills[fill.trade.instrument_id].append((nth, int(fill.price * 100), fill.signed_quantity))
    held = sum(one.quantity * int(player.bars[one.instrument_id].close[-1]) for one in account.holdings.held)
    equity = int(account.holdings.cash * 100) + held
    return {"seconds": seconds, "equity": equity, **digest_of(fills.values())}


def play(engine: str, instruments: int, bars: int) -> dict:
    if engine in (OURS, CALLBACKS):
        return play_ours(instruments, bars, asks_always=engine == CALLBACKS)
    return ask_rival(engine, instruments=instruments, bars=bars)


def came_to(played: dict) -> tuple:
    return played["fills"], played["equity"], played["digest"]


def measure(instruments: int, bars: int, rounds: int, others: Sequence[str]) -> dict:
    found: dict[str, list[dict]] = {engine: [] for engine in (OURS, CALLBACKS, *others)}
    for nth in range(rounds):
        for engine, runs in found.items():
            runs.append(play(engine, instruments, bars))
            print(f"{instruments} × {bars}, round {nth + 1}, {engine}: {runs[-1]['seconds']:.1f} s", file=sys.stderr)
        answers = {engine: came_to(runs[-1]) for engine, runs in found.items()}
        if len(set(answers.values())) > 1:
            raise SystemExit(f"{instruments} × {bars}: not the same answer: {answers}")
    seconds = {engine: statistics.median(run["seconds"] for run in runs) for engine, runs in found.items()}
    fills, equity, _ = came_to(found[OURS][-1])
    return {
        "bars": instruments * bars,
        "fills": fills,
        "equity": f"{equity / 100:,.2f}",
        "bars_per_s": {engine: round(instruments * bars / each) for engine, each in seconds.items()},
        "times": {
            ours: {engine: round(each / seconds[ours], 2) for engine, each in seconds.items() if engine != ours}
            for ours in TARGETS
        },
        "versions": {engine: runs[-1].get("version") for engine, runs in found.items()},
    }


def report_table(found: dict[str, dict]) -> str:
    rows = [
        (
            name,
            ours,
            f"{one['bars_per_s'][ours]:,}",
            engine,
            f"{one['bars_per_s'][engine]:,}",
            *judged(ours, engine, times),
        )
        for name, one in found.items()
        for ours, each in one["times"].items()
        for engine, times in each.items()
        if engine != OURS
    ]
    return markdown_table(("set", "ours", "bars/s", "beside", "bars/s", "ours ÷ it", "target", ""), rows)


def judged(ours: str, engine: str, times: float) -> tuple[float, str, str]:
    target = TARGETS[ours].get(engine)
    if target is None:
        return times, "–", ""
    return times, f"≥ {target:g}", "met" if times >= target else "short"


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--share", type=float, default=1.0)
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--json", type=Path, help="write what was found to this file, too")
    options = parser.parse_args()
    others = ENGINES if is_installed() else ()
    if not others:
        print(f"Ours alone: {HOW}", file=sys.stderr)
    machine = describe_machine("numpy")
    sets = {name: (count, round(bars * options.share)) for name, (count, bars) in SETS.items()}
    found = {
        f"{name}: {count} × {bars:,}": measure(count, bars, options.rounds, others)
        for name, (count, bars) in sets.items()
    }
    print(report_table(found))
    for name, one in found.items():
        print(f"{name}: all made {one['fills']:,} fills and an equity of {one['equity']}")
    if options.json:
        report = {"benchmark": "P4 backtest", **machine, "share": options.share, "sets": found}
        options.json.write_text(json.dumps(report, indent=2) + "\n")


if __name__ == "__main__":
    main()
