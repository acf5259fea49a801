"""What the risk gate is told: the order, what is held and working, the limits, and the market."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta
from decimal import Decimal

from instruments.domain.order_terms import NEEDS_PRICE, TAKES_MARKET, Side, Validity, side_of
from instruments.domain.price_protection import UNTOLD, Protection, slab_percent
from instruments.domain.sessions import PhaseKind
from market.domain.staleness import Liveness
from trading.orders.life_cycle import GateState

AUTOMATIC_PROTECTION = Decimal(-1)  # Kite's word for "the broker's own band"
EQUITY_SEGMENTS = frozenset({"NSE", "BSE"})


@dataclass(frozen=True, slots=True)
class ProposedOrder:
    """An order as a signal wants it, beside the quote and the time the signal was decided on."""

    instrument: str  # "NSE:INFY"
    exchange: str
    segment: str  # NSE, BSE, NFO-FUT, NFO-OPT, BFO-OPT, INDICES…
    signed_quantity: int  # units; negative sells
    product: str  # CNC, MIS, NRML
    order_type: str  # MARKET, LIMIT, SL, SL-M
    price: Decimal | None = None
    trigger_price: Decimal | None = None
    validity: str = Validity.DAY
    reference_price: Decimal | None = None
    quote_at: datetime | None = None
    bid: Decimal | None = None
    ask: Decimal | None = None
    signal_at: datetime | None = None
    expires_at: datetime | None = None
    is_exit: bool = False
    market_protection: Decimal | None = AUTOMATIC_PROTECTION  # percent, or −1
    protection: Protection = UNTOLD  # the dated facts of its contract and day

    @property
    def side(self) -> Side:
        return side_of(self.signed_quantity)

    @property
    def sign(self) -> int:
        return 1 if self.signed_quantity > 0 else -1

    @property
    def quantity(self) -> int:
        return abs(self.signed_quantity)

    @property
    def takes_market(self) -> bool:
        return self.order_type in TAKES_MARKET

    @property
    def is_option(self) -> bool:
        return self.segment.endswith("-OPT")

    @property
    def valuation_price(self) -> Decimal | None:
        """The dearest price this order can be valued at, or None if there is no quote for it."""
        if self.order_type in NEEDS_PRICE and self.signed_quantity > 0:
            return self.price
        seen = [p for p in (self.price, self.trigger_price, self.reference_price) if p is not None]
        if self.reference_price is None or not seen:
            return None
        return max([*seen, self._dearest_taken()])

    @property
    def value(self) -> Decimal | None:
        return None if self.valuation_price is None else self.valuation_price * self.quantity

    def _dearest_taken(self) -> Decimal:
        """Return what a market buy may pay at most, as far as its protection says."""
        if not self.takes_market or self.signed_quantity < 0:
            return Decimal(0)
        seen = (self.reference_price, self.ask, self.trigger_price)
        dearest = max(p for p in seen if p is not None)
        asked = self.market_protection or Decimal(0)
        percent = asked if asked >= 0 else slab_percent(self.protection, dearest)
        return dearest * (1 + percent / 100)


@dataclass(frozen=True, slots=True)
class HeldAndWorking:
    """One symbol and product: what is held and what may still fill. ``None`` is unknown, not zero.

    ``position`` is signed; the others are open quantities of orders by side, unsigned.
    Working orders include those saved and not yet sent.
    """

    position: int | None = 0
    working_buys: int = 0
    working_sells: int = 0
    unconfirmed_buys: int = 0
    unconfirmed_sells: int = 0

    def open_quantity(self, sign: int) -> int:
        """Return what is on its way on one side; unconfirmed counts as it may have filled."""
        if sign > 0:
            return self.working_buys + self.unconfirmed_buys
        return self.working_sells + self.unconfirmed_sells

    def reachable_position(self, sign: int) -> int | None:
        """Return the signed position if all that is out on one side fills."""
        return None if self.position is None else self.position + sign * self.open_quantity(sign)


@dataclass(frozen=True, slots=True)
class Usage:
    """What an account or a deployment uses of its limits. ``None`` is unknown, never zero.

    ``reserved_*`` is the value of orders that may still fill and do not only shrink a position.
    ``profit_today`` is realised and open, after charges; a loss is negative.
    """

    gross: Decimal | None = Decimal(0)
    net: Decimal | None = Decimal(0)
    reserved_buys: Decimal | None = Decimal(0)
    reserved_sells: Decimal | None = Decimal(0)
    open_orders: int | None = 0
    orders_this_minute: int | None = 0
    orders_today: int | None = 0
    profit_today: Decimal | None = Decimal(0)

    @property
    def reserved(self) -> Decimal | None:
        if self.reserved_buys is None or self.reserved_sells is None:
            return None
        return self.reserved_buys + self.reserved_sells


@dataclass(frozen=True, slots=True)
class Exposure:
    """What stands before the order: the deployment's portfolio, and the whole account.

    ``deployment`` is None for an order that belongs to none; ``held`` is then the
    portfolio of trades by hand. ``account_held`` is the account's net for the symbol and product. ``closable`` is
    how many units an order of this side may close for the portfolio now (exits.md 1); None is unknown.
    """

    held: HeldAndWorking
    account_held: HeldAndWorking
    account: Usage
    deployment: Usage | None = None
    available_funds: Decimal | None = None
    required_funds: Decimal | None = None
    identical_live_intents: int | None = 0
    closable: int | None = 0
    is_being_left: bool = False  # an exit of this very holding is under way


@dataclass(frozen=True, slots=True)
class Limits:
    """The limits of one account or one deployment; None sets none."""

    max_order_value: Decimal | None = None
    max_quantity: int | None = None
    max_position: int | None = None
    max_gross: Decimal | None = None
    max_net: Decimal | None = None
    max_open_orders: int | None = None
    max_orders_per_minute: int | None = None
    max_orders_per_day: int | None = None
    max_daily_loss: Decimal | None = None


@dataclass(frozen=True, slots=True)
class RiskLimits:
    quote_max_age: timedelta
    collar_percent: Decimal  # of the last price
    account: Limits = Limits()
    deployment: Limits = Limits()


@dataclass(frozen=True, slots=True)
class BrokerView:
    """A live account's broker: ``problem`` is why it takes no new orders, in words; empty if it takes them."""

    problem: str
    is_armed: bool


@dataclass(frozen=True, slots=True)
class MarketView:
    """What is known of the market and of ourselves at the moment of judging."""

    phase: PhaseKind | None  # of the instrument's session now; None is closed
    day_known: bool
    tradable: bool  # listed today, and not an index
    tick_size: Decimal | None
    lot_size: int | None
    freeze_quantity: int | None = None
    band_low: Decimal | None = None
    band_high: Decimal | None = None
    feed_state: Liveness | None = None
    quote_state: Liveness | None = None
    global_gate: GateState | None = None
    account_gate: GateState | None = None
    flag_file: bool = False
    books_frozen: bool | None = None
    mis_cutoff_at: datetime | None = None  # no fresh intraday position from then
    entries_until: datetime | None = None  # the deployment's own; None where it has none
    protection: Protection = UNTOLD  # of the instrument today
    broker: BrokerView | None = None  # of a live account; a paper account's is our own


def only_shrinks(proposed: ProposedOrder, exposure: Exposure) -> bool:
    """Whether the order can only make its portfolio's position smaller, whatever else fills meanwhile."""
    return exposure.closable is not None and 0 < proposed.quantity <= exposure.closable
