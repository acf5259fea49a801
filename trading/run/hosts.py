"""Make the strategy host of a run from its row, and the row's terms from a deployment."""

from datetime import datetime, time
from decimal import Decimal
from typing import Any
from uuid import UUID

from django.conf import settings
from django.db.models import Min, Q

from instruments.domain.order_terms import OrderType
from instruments.models import Instrument
from trading.errors import NOBODYS_FAULT, NotAllowed
from trading.models import Deployment, RiskLimit, Run
from trading.run.callback_guard import CallbackGuard
from trading.run.host import RunHost
from trading.run.sessions import SessionTable
from trading.run.sizing import ByCapital, ByLots, ByRisk, Sizing
from trading.run.terms import RunTerms
from trading.strategies.parameters import StrategyParameters
from trading.strategies.registry import Catalogue, read_catalogue
from trading.strategies.values import InstrumentSpec, Strategy

StrategyClass = type[Strategy[Any]]


class UnknownStrategy(NotAllowed):
    """The code of a strategy is not there, or cannot be read."""


def strategy_class(name: str) -> StrategyClass:
    """Return the strategy of this name. Raises UnknownStrategy, with the files that cannot be read."""
    catalogue = read_catalogue(settings.STRATEGY_PACKAGES)
    if name in catalogue.found:
        return catalogue.found[name]
    if catalogue.unreadable:
        raise UnknownStrategy(unreadable_words(catalogue))
    raise UnknownStrategy(f"no strategy {name!r} is in trading.strategies or STRATEGY_PACKAGES")


def unreadable_strategies() -> str:
    """Return in words which modules of strategies this process cannot read, and why; empty if there are none."""
    return unreadable_words(read_catalogue(settings.STRATEGY_PACKAGES))


def unreadable_words(catalogue: Catalogue) -> str:
    return "; ".join(f"{one.module} cannot be read: {one.words}" for one in catalogue.unreadable)


def spec_of(instrument: Instrument) -> InstrumentSpec:
    return InstrumentSpec(
        key=instrument.key,
        exchange=instrument.exchange,
        tradingsymbol=instrument.tradingsymbol,
        instrument_type=instrument.instrument_type,
        segment=instrument.segment,
        tick_size=instrument.tick_size,
        lot_size=instrument.lot_size,
        expiry=instrument.expiry,
        strike=instrument.strike,
        is_index=instrument.is_index,
    )


def terms_json(deployment: Deployment) -> dict[str, Any]:
    """Return a deployment's terms as they stand now; a run keeps them whatever is edited later."""
    return {
        "instruments": [instrument.key for instrument in deployment.instruments.order_by("exchange", "tradingsymbol")],
        "product": deployment.product,
        "sizing": deployment.sizing,
        "size": str(deployment.size),
        "order_style": deployment.order_style,
        "entry_from": _text(deployment.entry_from),
        "entry_until": _text(deployment.entry_until),
        "flat_by": _text(deployment.flat_by),
        "largest_order": largest_order(deployment.account_id, deployment),
    }


def largest_order(account: UUID, deployment: Deployment | None = None) -> str | None:
    """Return what one order may be worth in rupees: the smaller of the account's and the deployment's own limit."""
    rows = RiskLimit.objects.filter(Q(deployment__isnull=True) | Q(deployment=deployment), account=account)
    smallest = rows.aggregate(least=Min("max_order_value"))["least"]
    return None if smallest is None else str(smallest)


def _text(moment: time | None) -> str | None:
    return None if moment is None else moment.isoformat()


def run_terms(terms: dict[str, Any], instruments: list[Instrument]) -> RunTerms:
    """Return the terms a host works by; indices among the instruments are only watched."""
    specs = [spec_of(instrument) for instrument in sorted(instruments, key=lambda one: one.key)]
    return RunTerms(
        instruments=tuple(spec for spec in specs if not spec.is_index),
        watched=tuple(spec for spec in specs if spec.is_index),
        product=terms["product"],
        sizing=sizing_of(terms["sizing"], Decimal(terms["size"])),
        enter_from=_time(terms["entry_from"]),
        enter_until=_time(terms["entry_until"]),
        flat_by=_time(terms["flat_by"]),
        order_type=OrderType.LIMIT if terms["order_style"] == Deployment.Style.LIMIT else OrderType.MARKET,
        # Runs that began before orders were cut to it have none.
        largest_order=Decimal(largest) if (largest := terms.get("largest_order")) else None,
        limit_offset_ticks=2 if terms["order_style"] == Deployment.Style.LIMIT else 0,
    )


def _time(text: str | None) -> time | None:
    return time.fromisoformat(text) if text else None


def sizing_of(method: str, size: Decimal) -> Sizing:
    if method == Deployment.Sizing.LOTS:
        return ByLots(int(size))
    return ByCapital(size) if method == Deployment.Sizing.CAPITAL else ByRisk(size)


def host_of(run: Run, instruments: list[Instrument], now: datetime) -> RunHost:
    """Return a fresh host of a run. Raises UnknownStrategy or BadParameters."""
    strategy_type = strategy_class(run.deployment.strategy.name)
    parameters = strategy_type.Parameters.from_json(run.parameters)
    terms = run_terms(run.terms, instruments)
    return _host(strategy_type(parameters, terms.specs), terms, instruments, now)


def exits_only_host(run: Run, instruments: list[Instrument], now: datetime) -> RunHost:
    """Return a host with no strategy of its own: it only gets out."""
    terms = run_terms(run.terms, instruments)
    host = _host(Strategy(StrategyParameters(), terms.specs), terms, instruments, now)
    host.keep_exits_only(is_faulted=True)
    return host


def _host(strategy: Strategy[Any], terms: RunTerms, instruments: list[Instrument], now: datetime) -> RunHost:
    sessions = SessionTable()
    for instrument in instruments:
        sessions.know(instrument)
    guard = CallbackGuard(settings.STRATEGY_CALLBACK_LIMIT.total_seconds())
    return RunHost(
        strategy,
        terms,
        sessions,
        now,
        guard,
        not_its_fault=NOBODYS_FAULT,
        most_strikes=settings.STRATEGY_STRIKES,
    )
