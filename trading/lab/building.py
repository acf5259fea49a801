"""Make an engine from rows: what an account is granted, and the runs that trade on it."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace
from datetime import datetime
from decimal import Decimal
from functools import cache
from typing import Any

from django.conf import settings

from alphapanda.core.clock.services import get_installation
from instruments.models import Instrument
from portfolio.charging import rates_of
from portfolio.models import Account
from trading.lab.account import AccountTerms, Deployed, MemoryAccount
from trading.lab.engine import Engine, LabRun
from trading.lab.facts import Board
from trading.lab.row_facts import RowFacts
from trading.models import RiskLimit
from trading.risk.inputs import RiskLimits
from trading.risk.market_view import strictest_limits
from trading.run.callback_guard import CallbackGuard
from trading.run.faults import StrategyFault, error_words
from trading.run.host import RunHost
from trading.run.hosts import StrategyClass, run_terms
from trading.strategies.values import Candle


@dataclass(frozen=True)
class RunPlan:
    """A run to be made: ``terms`` as ``trading.models.Run`` keeps them, ``parameters`` as its form does."""

    name: str
    strategy: StrategyClass
    parameters: Mapping[str, Any]
    terms: Mapping[str, Any]
    number: int = 1


def granted(capital: Decimal, account: Account | None = None) -> AccountTerms:
    """What an account begins with; with a row, its margins and limits are that account's."""
    rows = list(RiskLimit.objects.filter(account=account).select_related("deployment")) if account else []
    by_name = {row.deployment.name if row.deployment else None: row for row in rows}

    @cache
    def limits_of(name: str | None) -> RiskLimits:
        return strictest_limits(by_name.get(None), by_name.get(name) if name else None)

    terms = AccountTerms(
        cash=capital,
        rates_of=cache(rates_of),
        limits_of=limits_of,
        salt=get_installation().salt,
        latency=settings.PAPER_LATENCY,
        signal_life=settings.SIGNAL_LIFE,
    )
    if account is None:
        return terms
    margin = account.derivative_margin_percent
    return replace(terms, intraday_multiple=account.intraday_multiple, derivative_margin_percent=margin)


def make_engine(
    terms: AccountTerms,
    instruments: Mapping[int, Instrument],
    with_candles: Iterable[int],
    *,
    keeps_checks: bool = True,
) -> Engine:
    """``instruments`` are all that is played, by token; ``with_candles`` the tokens that make candles."""
    facts = RowFacts(instruments)
    account = MemoryAccount(terms, Board(facts), keeps_checks=keeps_checks)
    return Engine(account, facts.specs, frozenset(with_candles))


def make_guard() -> CallbackGuard:
    return CallbackGuard(settings.STRATEGY_CALLBACK_LIMIT.total_seconds())


def add_run(
    engine: Engine, plan: RunPlan, now: datetime, guard: CallbackGuard | None = None, *, keeps_waits: bool = True
) -> LabRun:
    """Put a run into an engine. Raises BadParameters, or StrategyFault where the strategy cannot be made."""
    facts: RowFacts = engine.facts  # type: ignore[assignment]
    wanted = {one.key: one for one in facts.instruments.values() if one.key in plan.terms["instruments"]}
    terms = run_terms(dict(plan.terms), list(wanted.values()))
    parameters = plan.strategy.Parameters.from_json(dict(plan.parameters))
    try:
        strategy = plan.strategy(parameters, terms.specs)
    except Exception as error:
        raise StrategyFault("raised", f"{plan.name} cannot be made: {error_words(error)}") from error
    host = RunHost(
        strategy,
        terms,
        engine.session,
        now,
        guard or make_guard(),
        most_strikes=settings.STRATEGY_STRIKES,
        keeps_waits=keeps_waits,
    )
    deployed = Deployed(plan.name, terms.product, terms.enter_until, terms.flat_by, plan.number)
    run = LabRun(deployed, host, frozenset(wanted))
    engine.add_run(run)
    return run


def warm_up(engine: Engine, run: LabRun, history: Iterable[Candle]) -> None:
    """Let a run learn from the past; one that fails on it only gets out, as anywhere."""
    try:
        run.host.warm_up(history)
    except StrategyFault as fault:
        engine.pause(run, fault.words, fault.__cause__)
