"""A person's order beside what deployments hold: split before it is sent, one part a portfolio (exits.md 2)."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field
from decimal import Decimal
from typing import Any
from uuid import UUID

from django.db import transaction

from alphapanda.core.clock import market_now
from alphapanda.core.figures import whole
from instruments.domain.order_terms import OrderType, Side
from instruments.models import Instrument
from portfolio.booking import ensure_portfolio
from portfolio.models import Account, Portfolio, Position
from trading.errors import NotAllowed
from trading.exits.opening import exit_holding
from trading.models import Deployment, ExitPlan, Signal
from trading.orders.closable import Holdings
from trading.orders.holdings import read_holdings
from trading.orders.life_cycle import Urgency
from trading.orders.requests import insist_on_trading, place_manual
from trading.orders.watching import ensure_watched


@dataclass(frozen=True)
class Choice:
    """A holding the order could close: whose, how much of it, and how much of that now."""

    deployment: Deployment
    held: int
    closable: int


class ChoiceNeeded(NotAllowed):
    """The order could close what deployments hold, or open a position of its own: the person has to say which."""

    def __init__(self, words: str, choices: Iterable[Choice]) -> None:
        super().__init__(words)
        self.choices = tuple(choices)


@dataclass
class Placed:
    """What became of an order by hand: signals of the hand portfolio, and exits of deployments."""

    signals: list[Signal] = field(default_factory=list)
    exits: list[ExitPlan] = field(default_factory=list)


@transaction.atomic
def place_by_hand(
    account: Account,
    instrument: Instrument,
    side: str,
    quantity: int,
    order_type: str,
    product: str,
    *,
    by: str,
    closes: Deployment | None = None,
    apart: bool = False,
    key: str | None = None,
    price: Decimal | None = None,
    **terms: Any,
) -> Placed:
    """Place an order by hand, in parts.

    1. The hand portfolio's own opposite holding is closed first.
    2. Then what the deployment ``closes`` holds, by an exit of its own.
    3. What is left opens a position apart: only if ``apart``, where others hold what it would close.

    Raises ChoiceNeeded where deployments hold what it would close and neither ``closes`` nor ``apart`` says what is
    meant; NotAllowed for a stop that would close a deployment's holding, which has its own.
    """
    insist_on_trading(account)
    ensure_watched(account, instrument)
    Account.objects.locked(account.pk)
    sign = 1 if side == Side.BUY else -1
    holdings = read_holdings(account.pk, instrument.pk, product, market_now())
    own = min(quantity, holdings.closable(ensure_portfolio(account).pk, sign))
    choices = choices_of(holdings, sign) if quantity > own else []
    chosen = next((choice for choice in choices if closes and choice.deployment.pk == closes.pk), None)
    theirs = min(quantity - own, chosen.closable) if chosen else 0
    left = quantity - own - theirs
    if left and (choices or closes) and not apart:
        raise ChoiceNeeded(_question(quantity - own, theirs, choices, closes), choices)
    placed = Placed()
    asked = {"side": side, "order_type": order_type, "product": product, "by": by, "price": price, **terms}
    for part, suffix in ((own, ""), (left, ":apart" if own else "")):
        if part:
            part_key = f"{key}{suffix}" if key else None
            placed.signals.append(place_manual(account, instrument, quantity=part, key=part_key, **asked))
    if theirs and chosen:
        placed.exits.append(_close(chosen, instrument, product, theirs, order_type, price, by))
    return placed


def choices_of(holdings: Holdings, sign: int) -> list[Choice]:
    """Return the deployments whose holding an order of that side would close, largest first."""
    closable: dict[Any, int] = {
        row.portfolio: holdings.closable(row.portfolio, sign) for row in holdings.rows if row.closes(-sign)
    }
    portfolios = Portfolio.objects.filter(pk__in=closable, deployment_id__isnull=False)
    deployments = Deployment.objects.in_bulk([one.deployment_id for one in portfolios if one.deployment_id])
    found = [Choice(deployments[_of(one)], holdings.of(one.pk).closes(-sign), closable[one.pk]) for one in portfolios]
    return sorted((one for one in found if one.closable), key=lambda one: (-one.closable, one.deployment.name))


def _of(portfolio: Portfolio) -> UUID:
    if portfolio.deployment_id is None:
        raise ValueError(f"{portfolio} is of no deployment")
    return portfolio.deployment_id


def _question(quantity: int, theirs: int, choices: list[Choice], closes: Deployment | None) -> str:
    held = ", ".join(f"{choice.deployment.name} {whole(choice.closable)}" for choice in choices)
    left = quantity - theirs
    if closes is None:
        return f"strategies hold what this would close ({held}): say whose it closes, or that it stands apart"
    return f"{closes.name} may close {whole(theirs)} of {whole(quantity)}: {whole(left)} would open a position apart"


def _close(
    choice: Choice, instrument: Instrument, product: str, quantity: int, order_type: str, price: Decimal | None, by: str
) -> ExitPlan:
    """Close a part of a deployment's holding by hand, at market or at a limit."""
    if order_type not in (OrderType.MARKET, OrderType.LIMIT):
        raise NotAllowed(f"{choice.deployment.name} has its own stop: close its holding at market or at a limit")
    position = Position.objects.select_related("portfolio__account", "instrument").get(
        portfolio__deployment_id=choice.deployment.pk, instrument=instrument, product=product
    )
    urgency = Urgency.NOW if price is None else Urgency.HAND_LIMIT
    part = None if quantity == choice.held and price is None else quantity
    return exit_holding(position, urgency, f"closed by hand by {by}", by, quantity=part, limit=price)
