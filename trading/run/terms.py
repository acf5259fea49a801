"""The terms a deployment sets for its runs: what, how much, when to enter, when to be flat."""

from collections.abc import Callable
from dataclasses import dataclass
from datetime import date, datetime, time, timedelta
from decimal import Decimal

from alphapanda.core.timezone import IST
from instruments.domain.order_terms import OrderType, Product
from instruments.domain.prices import nearest_tick
from trading.run.sizing import Sizing
from trading.strategies.values import InstrumentSpec, Session

SessionLookup = Callable[[str, date], Session | None]

INTRADAY = Product.MIS


@dataclass(frozen=True)
class RunTerms:
    """``instruments`` may be traded, ``watched`` only looked at; times of day are India's.

    An intraday run is flat by ``flat_by``, or ``flat_before_close`` before a session that ends
    early. ``entry_lives`` bounds how long an entry may rest; ``fresh_within`` how old a tick may be
    and still be entered on. ``largest_order`` is what one order may be worth, as the account and the
    deployment allowed when the run began: the gate asks it again of each.
    """

    instruments: tuple[InstrumentSpec, ...]
    product: Product
    sizing: Sizing
    enter_from: time | None = None
    enter_until: time | None = None
    flat_by: time | None = None
    watched: tuple[InstrumentSpec, ...] = ()
    order_type: OrderType = OrderType.MARKET
    limit_offset_ticks: int = 0
    largest_order: Decimal | None = None
    # Our own choices: flat before Zerodha's own square-off begins to charge ₹50 an order (kite.md 5.1), an entry
    # that rests a minute has missed its moment, and data half a minute old is not what was decided on.
    flat_before_close: timedelta = timedelta(minutes=10)
    entry_lives: timedelta = timedelta(seconds=60)
    fresh_within: timedelta = timedelta(seconds=30)

    def __post_init__(self) -> None:
        if problems := self.problems():
            raise ValueError("; ".join(problems))

    def problems(self) -> list[str]:
        """Return what is wrong with the terms, in words."""
        found = [] if self.instruments else ["a run needs at least one instrument to trade"]
        opens = self.enter_from
        if opens and self.enter_until and opens >= self.enter_until:
            found.append(f"entries open {opens:%H:%M}, but end {self.enter_until:%H:%M}")
        if opens and self.flat_by and opens >= self.flat_by:
            found.append(f"entries open {opens:%H:%M}, but flat-by is {self.flat_by:%H:%M}")
        found += [f"{spec.key} is an index; it can be watched, not traded" for spec in self.untradable()]
        found += [f"{spec.key} is listed twice" for spec in self.repeated()]
        return found

    def untradable(self) -> list[InstrumentSpec]:
        return [spec for spec in self.instruments if spec.is_index]

    def repeated(self) -> list[InstrumentSpec]:
        keys = [spec.key for spec in self.specs]
        return [spec for spec in {spec.key: spec for spec in self.specs}.values() if keys.count(spec.key) > 1]

    @property
    def specs(self) -> tuple[InstrumentSpec, ...]:
        return self.instruments + self.watched

    @property
    def is_intraday(self) -> bool:
        return self.product == INTRADAY

    @property
    def may_short(self) -> bool:
        """Delivery shares cannot be sold before they are bought."""
        return self.product != Product.CNC

    def flat_at(self, day: date, session: Session | None) -> datetime | None:
        """Return when everything must be closed on this day; None if it may be kept, or nothing trades that day.

        Only an intraday product has to be flat; another is if the deployment says a time.
        """
        if session is None:
            return None
        times = [datetime.combine(day, self.flat_by, IST)] if self.flat_by else []
        if self.is_intraday:
            times.append(session.closes_at - self.flat_before_close)
        return min(times, default=None)

    def limit_price(self, spec: InstrumentSpec, side: str, price: Decimal) -> Decimal:
        """Return the price of a LIMIT entry: the last price and the offset beyond it."""
        offset = self.limit_offset_ticks * spec.tick_size
        return nearest_tick(price + offset if side == "BUY" else price - offset, spec.tick_size)
