"""The ticket of an order by hand, reckoned as it is filled in: the market, what it costs, what it closes.

Every number comes from the functions the gate, the books and the paper exchange use. Nothing is kept and nothing asked.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from copy import copy
from dataclasses import dataclass
from typing import Any, TypedDict

from django.conf import settings

from alphapanda.core import roles
from alphapanda.core.figures import plain, signed_percent, whole
from alphapanda.core.ids import new_id
from alphapanda.dashboard.panels.ages import Age, fixed_age, quote_age
from alphapanda.dashboard.panels.context import Clock, PageContext
from alphapanda.dashboard.panels.naming import symbol_of, tail_of
from alphapanda.dashboard.panels.orders.ticket_facts import Line, closing_lines, exchange_lines, money_lines
from instruments.models import Instrument
from market.board import read_quotes
from market.quotes import Level, Quote
from portfolio.models import Portfolio
from trading.exits.by_hand import choices_of
from trading.models import Signal
from trading.orders.holdings import read_holdings
from trading.orders.requests import quote_seen
from trading.risk.exposure import load_state
from trading.risk.inputs import MarketView
from trading.risk.judging import Judgement, judge
from trading.risk.market_view import limits_of, market_view
from trading.risk.marks import Marks

LEVELS = 5
MOST_FOUND = 6
NEEDED = ("account", "instrument", "side", "quantity", "order_type", "product")
NAMES = {"order_type": "type", "trigger_price": "trigger", "stop": "planned stop"}


class FoundRow(TypedDict):
    key: str
    words: str


class DepthRow(TypedDict):
    """One level of both sides; where nobody stands it says none."""

    key: str
    bid_quantity: str
    bid: str
    ask: str
    ask_quantity: str


class Quoted(TypedDict):
    last: str
    change: str
    age: Age
    unwatched: str


class Reckoned(TypedDict):
    """What the order comes to, and what the gate would say of it."""

    exchange: list[Line]
    money: list[Line]
    closes: list[Line]
    verdict: Line
    reasons: list[Line]


class Ticket(Quoted, Reckoned):
    clock: Clock
    asked: bool  # whether an instrument is named at all
    name: str
    tail: str
    found: list[FoundRow]
    depth: list[DepthRow]


@dataclass(frozen=True)
class Parts:
    """How an order by hand is split: what closes one's own holding, what leaves a strategy's, and what is left."""

    own: int
    theirs: int
    left: int

    @property
    def judged(self) -> list[int]:
        return [part for part in (self.own, self.left) if part]


def reckon_ticket(given: Mapping[str, Any], wrong: Mapping[str, str], user: Any) -> Ticket:
    """``given`` are the form's readable values by name, ``wrong`` what cannot be read, in words."""
    page, instrument = PageContext(), given.get("instrument")
    quote = read_quotes([instrument], page.now).get(instrument.pk) if instrument else None
    is_whole = not wrong and all(name in given for name in NEEDED)
    return {
        "clock": page.clock(),
        "asked": instrument is not None,
        "name": symbol_of(instrument) if instrument else "",
        "tail": f"{tail_of(instrument)} {instrument.exchange}".strip() if instrument else "",
        "found": [] if instrument else found_rows(given.get("words", "")),
        "depth": depth_rows(quote),
        **quoted(instrument, quote, page),
        **(reckon_order(given, page, user) if is_whole else not_reckoned(given, wrong, page)),
    }


def not_reckoned(given: Mapping[str, Any], wrong: Mapping[str, str], page: PageContext) -> Reckoned:
    """Return what can be said of an order of which something is lacking or cannot be read."""
    instrument = given.get("instrument")
    return {
        "exchange": exchange_lines(instrument, page.now) if instrument else [],
        "money": [],
        "closes": [],
        "verdict": missing_line(given, wrong),
        "reasons": [as_reason(NAMES.get(name, name).capitalize(), words) for name, words in wrong.items()],
    }


def reckon_order(given: Mapping[str, Any], page: PageContext, user: Any) -> Reckoned:
    """Return what only a whole order has: slices, money, what it closes, and what the gate would say."""
    signal = as_signal(given, page)
    parts, closing = split(signal, given.get("closes"))
    market = market_view(signal, page.now)
    judgements = judge_parts(signal, parts, market, page)
    reasons = [reason for one in judgements for reason in refused_lines(one)]
    if not roles.may_touch(user, signal.account_id):
        reasons.insert(0, as_reason("Account", f"{signal.account.name} is not yours: it would be refused"))
    return {
        "exchange": exchange_lines(signal.instrument, page.now, market, signal),
        "money": money_lines(signal, market, given.get("stop"), only_closes=not parts.left, judgements=judgements),
        "closes": closing,
        "verdict": verdict_line(reasons, judgements),
        "reasons": reasons,
    }


def as_signal(given: Mapping[str, Any], page: PageContext) -> Signal:
    """Return the signal that would be made of it; it is never saved."""
    return Signal(
        key=f"ticket:{new_id()}",
        kind=Signal.Kind.MANUAL,
        market_time=page.now,
        send_by=page.now + settings.SIGNAL_LIFE,
        price=given.get("price"),
        trigger_price=given.get("trigger_price"),
        **{name: given[name] for name in NEEDED},
        **quote_seen(given["instrument"], page.now),
    )


def split(signal: Signal, closes: Any) -> tuple[Parts, list[Line]]:
    """Split it as ``place_by_hand`` would, and say whose holdings it closes."""
    holdings = read_holdings(signal.account_id, signal.instrument_id, signal.product, signal.market_time)
    sign = 1 if signal.signed_quantity > 0 else -1
    hand = hand_portfolio(signal)
    own = min(signal.quantity, holdings.closable(hand, sign))
    choices = choices_of(holdings, sign)
    chosen = next((one for one in choices if closes and one.deployment.pk == closes.pk), None)
    theirs = min(signal.quantity - own, chosen.closable) if chosen else 0
    parts = Parts(own, theirs, signal.quantity - own - theirs)
    return parts, closing_lines(holdings.of(hand).held, parts.own, choices if parts.own < signal.quantity else [], sign)


def hand_portfolio(signal: Signal) -> Any:
    mine = Portfolio.objects.filter(account=signal.account_id, deployment_id=None)
    return mine.values_list("pk", flat=True).first()


def judge_parts(signal: Signal, parts: Parts, market: MarketView, page: PageContext) -> list[Judgement]:
    """Ask the gate's own rules of each part, without its lock: what they say may have changed when it is sent."""
    marks = Marks.for_account(signal.account_id, page.now)
    marks.set_price(signal.instrument, signal.reference_price, signal.quote_at, page.now)
    state = load_state(signal.account, marks, page.now)
    limits, hand = limits_of(signal), hand_portfolio(signal)
    judgements: list[Judgement] = []
    for quantity in parts.judged:
        part = copy(signal)
        part.quantity = quantity
        judgements.append(judge(part, hand, state, limits, market, page.now))
    return judgements


def refused_lines(judgement: Judgement) -> list[Line]:
    return [as_reason(check.title, check.words, str(check.code)) for check in judgement.assessment.refusals]


def as_reason(name: str, words: str, key: str = "") -> Line:
    return {"key": key or name, "name": name, "words": words, "tone": "fault", "icon": "cross"}


def verdict_line(reasons: list[Line], judgements: list[Judgement]) -> Line:
    if reasons:
        more = f", and {len(reasons) - 1} more" if reasons[1:] else ""
        return as_reason("Gate", f"The gate would refuse it now: {reasons[0]['words']}{more}.")
    asked = sum(len(one.assessment.checks) for one in judgements)
    words = f"The gate would pass it now: {asked} checks. It is asked again when you send it."
    return {"key": "gate", "name": "Gate", "words": words, "tone": "", "icon": "tick"}


def missing_line(given: Mapping[str, Any], wrong: Mapping[str, str]) -> Line:
    lacking = [NAMES.get(name, name) for name in NEEDED if name not in given and name not in wrong]
    words = f"The gate is not asked yet: say {' and '.join(lacking)}." if lacking else "The gate is not asked yet."
    return {"key": "gate", "name": "Gate", "words": words, "tone": "", "icon": "unknown"}


def found_rows(words: str) -> list[FoundRow]:
    """Return what the words may mean; of an exact name there is nothing to choose."""
    if len(words) < 2:
        return []
    near = Instrument.objects.search(words.replace(":", " ").removeprefix("NSE "))[:MOST_FOUND]
    return [{"key": one.key, "words": f"{symbol_of(one)} {tail_of(one)}".strip() + f", {one.exchange}"} for one in near]


def quoted(instrument: Instrument | None, quote: Quote | None, page: PageContext) -> Quoted:
    if instrument is None or quote is None:
        words = f"Nobody watches {instrument.key}: no price of it is known." if instrument else ""
        return {"last": plain(None), "change": "", "age": fixed_age("unknown", "no price"), "unwatched": words}
    is_open = instrument.schedule(page.day).is_continuous(page.now)
    change = signed_percent((quote.last_price - quote.close) / quote.close * 100) if quote.close else "unknown"
    return {
        "last": plain(quote.last_price),
        "change": f"{change} on the day before",
        "age": quote_age(quote, page.now, instrument, is_open=is_open),
        "unwatched": "",
    }


def depth_rows(quote: Quote | None) -> list[DepthRow]:
    """Return five levels; an empty book is said by none at every one."""
    if quote is None:
        return []
    return [depth_row(level, quote.bids[level : level + 1], quote.asks[level : level + 1]) for level in range(LEVELS)]


def depth_row(level: int, bids: Sequence[Level], asks: Sequence[Level]) -> DepthRow:
    (bid, bid_quantity), (ask, ask_quantity) = (level_words(side) for side in (bids, asks))
    return {
        "key": str(level),
        "bid_quantity": bid_quantity,
        "bid": bid,
        "ask": ask,
        "ask_quantity": ask_quantity,
    }


def level_words(at: Sequence[Level]) -> tuple[str, str]:
    return (plain(at[0][0]), whole(at[0][1])) if at else ("none", "")
