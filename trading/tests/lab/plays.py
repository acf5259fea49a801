"""Plays candles of one share through the engine, with a strategy that decides by the clock: no database."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace
from datetime import date, timedelta
from decimal import Decimal
from functools import cache
from types import SimpleNamespace

import numpy as np

from instruments.tests.protections import SHARES
from portfolio.charging import seeded_rates
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
from trading.strategies.api import Enter, Exit, Reason, Strategy, StrategyParameters
from trading.tests.strategies.market_day import FRIDAY, at, spec, terms

TOKEN = 408065
CERTAIN = FillTerms(slippage_ticks=Decimal(1), volume_share=None)
LIMITS = RiskLimits(timedelta(seconds=10), Decimal(2), Limits(), Limits())


def scripted(script: Mapping[str, tuple[str, ...]], day: date = FRIDAY) -> type[Strategy]:
    """``script``: end of candle ("09:20") → ("BUY", stop[, target]), ("SELL", …) or ("EXIT",)."""
    said = {at(clock, day): words for clock, words in script.items()}

    class Script(Strategy[StrategyParameters]):
        name = "script"

        def intervals(self):
            return (1,)

        def on_candle(self, ctx, candle):
            verb, *levels = said.get(candle.start + timedelta(minutes=candle.interval), ("",))
            if verb == "EXIT":
                yield Exit(candle.instrument, Reason("by the script", {}, "script"))
            elif verb:
                stop, target = (*map(Decimal, levels), None)[:2]
                yield Enter(candle.instrument, verb, stop, Reason("by the script", {}, "script"), target=target)

    return Script


def bars_of(rows: Iterable[tuple[str, str, str, str, str, int]], day: date = FRIDAY) -> Bars:
    """Rows of (start, open, high, low, close, volume) in rupees."""
    starts, opens, highs, lows, closes, volumes = zip(*rows, strict=True)
    prices = (
        np.array([int(Decimal(price) * 100) for price in column], np.int32) for column in (opens, highs, lows, closes)
    )
    return Bars(np.array([int(at(clock, day).timestamp()) for clock in starts]), *prices, np.array(volumes))


@dataclass
class Played:
    engine: BarEngine
    player: BarPlayer

    @property
    def fills(self) -> list[tuple[str, int, str]]:
        """Each fill: when (Indian time of day), how many, at what."""
        return [
            (f"{one.at + timedelta(hours=5, minutes=30):%H:%M:%S}", one.signed_quantity, f"{one.price:.2f}")
            for one in self.engine.account.fills
        ]


@cache
def seeded() -> ChargeRates:
    return ChargeRates(SimpleNamespace(**row) for row in seeded_rates())


def play(bars, script, *given, **options) -> Played:
    player = make_player(bars, script, *given, **options)
    for _ in player.play():
        pass
    return Played(player.engine, player)


def make_player(
    bars, script, fills=CERTAIN, worse_first=True, limits=LIMITS, of=None, facts=None, keeps_checks=True, **run_terms
) -> BarPlayer:
    """``of``: the instrument; ``facts``: of it, by the names of PlainFacts."""
    of = of or spec()
    facts = PlainFacts({TOKEN: of}, **({"protections": {"NSE": SHARES}} | (facts or {})))
    board = BarBoard(facts, terms=fills)
    granted = AccountTerms(
        Decimal(10_000_000), lambda exchange: seeded(), lambda name: limits, "salt",
        timedelta(milliseconds=400), timedelta(seconds=10),
    )  # fmt: skip
    engine = BarEngine(MemoryAccount(granted, board, keeps_checks), facts.specs, ())
    run_terms = replace(terms(**run_terms), instruments=(of,))
    strategy = script(script.Parameters(), run_terms.specs)
    host = RunHost(strategy, run_terms, engine.session, moment(bars.start[0]), keeps_waits=False)
    deployed = Deployed("run", run_terms.product, run_terms.enter_until, run_terms.flat_by)
    engine.add_run(LabRun(deployed, host, frozenset({facts.spec_of(TOKEN).key})))
    sessions = {TOKEN: Sessions.of(bars, lambda day: facts.schedule(TOKEN, day))}
    return BarPlayer(engine, {TOKEN: bars}, sessions, fills, worse_first)
