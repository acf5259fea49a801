"""The one gate every order passes: all rules are asked, each verdict is kept with its numbers."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from trading.risk import exchange_rules as valid
from trading.risk import loss_rules as bound
from trading.risk.verdicts import Assessment, Case, Check, Code, Verdict, unknown_verdict

SHRINKING = "only shrinks a position"


@dataclass(frozen=True, slots=True)
class Rule:
    code: Code
    title: str
    ask: Callable[[Case], Verdict]
    scope: str = "order"
    is_risk: bool = True


def _validity(code: Code, title: str, ask: Callable[[Case], Verdict]) -> Rule:
    return Rule(code, title, ask, is_risk=False)


def _of_both(code: Code, title: str, ask: Callable[[Case], Verdict]) -> tuple[Rule, Rule]:
    return Rule(code, title, ask, "deployment"), Rule(code, title, ask, "account")


VALIDITY: tuple[Rule, ...] = (
    _validity(Code.SESSION, "Session", valid.in_session),
    _validity(Code.TRADABLE, "Tradable", valid.is_tradable),
    _validity(Code.PRODUCT, "Product", valid.product_fits),
    _validity(Code.ORDER_TYPE, "Order type", valid.order_type_fits),
    _validity(Code.LOT, "Lot size", valid.whole_lots),
    _validity(Code.TICK, "Tick size", valid.on_tick),
    _validity(Code.FREEZE, "Freeze quantity", valid.within_freeze),
    _validity(Code.CIRCUIT_BAND, "Circuit band", valid.within_band),
    _validity(Code.LIMIT_RANGE, "Limit price protection", valid.within_limit_range),
    _validity(Code.DUPLICATE, "Duplicate", valid.not_duplicate),
)

RISK: tuple[Rule, ...] = (
    Rule(Code.GATE, "Gate", bound.gate_open),
    Rule(Code.REDUCE_ONLY, "Reduce only", bound.reduce_only),
    Rule(Code.BOOKS, "Books", bound.books_agree),
    Rule(Code.DAY_KNOWN, "Calendar", bound.day_known),
    Rule(Code.FEED, "Feed", bound.feed_live),
    Rule(Code.QUOTE_AGE, "Quote age", bound.quote_age),
    Rule(Code.SIGNAL_AGE, "Signal age", bound.signal_age),
    Rule(Code.PRICE_COLLAR, "Price collar", bound.price_collar),
    Rule(Code.MIS_CUTOFF, "Intraday cut-off", bound.mis_cutoff),
    Rule(Code.ENTRY, "Entry window", bound.entry_window),
    Rule(Code.BEING_LEFT, "Being left", bound.not_being_left),
    *_of_both(Code.ORDER_VALUE, "Order value", bound.order_value),
    *_of_both(Code.MAX_QTY, "Quantity", bound.max_quantity),
    *_of_both(Code.POSITION, "Position", bound.position_size),
    *_of_both(Code.MAX_GROSS, "Gross exposure", bound.max_gross),
    *_of_both(Code.MAX_NET, "Net exposure", bound.max_net),
    *_of_both(Code.OPEN_ORDERS, "Open orders", bound.open_orders),
    *_of_both(Code.ORDERS_MIN, "Orders per minute", bound.orders_per_minute),
    *_of_both(Code.ORDERS_DAY, "Orders per day", bound.orders_per_day),
    Rule(Code.LOSS_DEPLOYMENT, "Daily loss, deployment", bound.daily_loss, "deployment"),
    Rule(Code.LOSS_ACCOUNT, "Daily loss, account", bound.daily_loss, "account"),
    Rule(Code.BUYING_POWER, "Buying power", bound.buying_power),
)

# Asked beside them of live accounts only: a paper account's broker is our own.
LIVE: tuple[Rule, ...] = (
    Rule(Code.BROKER, "Broker", bound.broker_takes_orders),
    Rule(Code.ARMED, "Armed", bound.is_armed),
)

RULES = VALIDITY + RISK
SCOPES = frozenset(rule.scope for rule in RULES)


def assess(case: Case) -> Assessment:
    """Ask every rule; refusals are values, and none approved means no order.

    Risk rules do not bind an order that only shrinks a position: getting out must always
    be possible. Their numbers are kept all the same. Validity rules do bind it, as the
    exchange would refuse it, unless what they need is unknown or they break.
    """
    shrinks = _shrinks(case)
    within = {scope: case.within(scope) for scope in SCOPES}
    rules = RULES if case.market.broker is None else RULES + LIVE
    return Assessment(tuple(_check(rule, within[rule.scope], shrinks) for rule in rules), shrinks)


def _shrinks(case: Case) -> bool:
    try:
        return case.shrinks
    except Exception:  # what cannot be judged is not proven to shrink
        return False


def _check(rule: Rule, case: Case, shrinks: bool) -> Check:
    verdict, failure = _ask(rule, case)
    is_freed = shrinks and not verdict.passed and (rule.is_risk or verdict.is_unknown)
    return Check(
        code=rule.code,
        title=rule.title,
        scope=rule.scope,
        passed=verdict.passed or is_freed,
        say=verdict.say,
        value_number=verdict.value_number,
        limit_number=verdict.limit_number,
        skipped=SHRINKING if is_freed else verdict.skipped,
        failure=failure,
    )


def _ask(rule: Rule, case: Case) -> tuple[Verdict, str]:
    """Return the rule's verdict; a rule that breaks refuses, and says what broke."""
    try:
        return rule.ask(case), ""
    except Exception as broken:
        return unknown_verdict(f"{rule.title} (the rule failed)"), f"{type(broken).__name__}: {broken}"
