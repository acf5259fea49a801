"""What a strategy is given, what it may answer, and the class it extends; strategies import them from ``api``."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, date, datetime
from decimal import Decimal
from functools import cached_property
from typing import TYPE_CHECKING, Any, ClassVar, Generic, Literal, Protocol, TypeVar

from trading.strategies.parameters import StrategyParameters

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from trading.strategies.outlook import Moments, Outlook

Side = Literal["BUY", "SELL"]
JSONObject = dict[str, Any]
ParametersT = TypeVar("ParametersT", bound=StrategyParameters)


@dataclass(frozen=True, slots=True)
class InstrumentSpec:
    """What a strategy may know of an instrument; ``key`` is "NSE:INFY"."""

    key: str
    exchange: str
    tradingsymbol: str
    instrument_type: str
    segment: str
    tick_size: Decimal
    lot_size: int
    expiry: date | None = None
    strike: Decimal | None = None
    is_index: bool = False


@dataclass(frozen=True, slots=True)
class Session:
    """Continuous trading of one instrument on one day."""

    opens_at: datetime
    closes_at: datetime


@dataclass(frozen=True, slots=True)
class Candle:
    """A closed bar; ``interval`` in minutes, ``complete`` if the feed was live for all of it."""

    instrument: str
    interval: int
    start: datetime
    open: Decimal
    high: Decimal
    low: Decimal
    close: Decimal
    volume: int
    complete: bool = True


class CandleColumns(Protocol):
    """Candles of one instrument and interval as columns of one length, oldest first.

    ``start`` is in seconds since 1970; prices are whole numbers of one unit (paise, for shares).
    """

    @property
    def start(self) -> NDArray[Any]: ...
    @property
    def open(self) -> NDArray[Any]: ...
    @property
    def high(self) -> NDArray[Any]: ...
    @property
    def low(self) -> NDArray[Any]: ...
    @property
    def close(self) -> NDArray[Any]: ...
    @property
    def volume(self) -> NDArray[Any]: ...


@dataclass(frozen=True)
class PastCandles:
    """Closed candles of one instrument that follow each other, oldest first; each is made only where it is asked for.

    ``price_of`` makes money of the columns' whole numbers.
    """

    instrument: str
    interval: int
    columns: CandleColumns
    price_of: Callable[[int], Decimal]

    def __len__(self) -> int:
        return len(self.columns.start)

    def __iter__(self) -> Iterator[Candle]:
        return self._made(0, len(self))

    def between(self, begins: datetime, ends: datetime) -> Iterator[Candle]:
        """Yield those that begin within these times, the second not included."""
        yield from self._made(*self.columns.start.searchsorted((begins.timestamp(), ends.timestamp())).tolist())

    def _made(self, first: int, behind: int) -> Iterator[Candle]:
        columns = self.columns
        starts, volumes = (column[first:behind].tolist() for column in (columns.start, columns.volume))
        whole = (columns.open, columns.high, columns.low, columns.close)
        prices = (map(self.price_of, column[first:behind].tolist()) for column in whole)
        for start, opened, high, low, close, volume in zip(starts, *prices, volumes, strict=True):
            begins = datetime.fromtimestamp(start, UTC)
            yield Candle(self.instrument, self.interval, begins, opened, high, low, close, volume)

    @cached_property
    def closes(self) -> list[Decimal]:
        return self.newest("close", len(self))

    @property
    def since(self) -> datetime:
        """When the first of them began."""
        return datetime.fromtimestamp(int(self.columns.start[0]), UTC)

    def newest(self, name: str, count: int) -> list[Decimal]:
        """Return one price ("high") of the last ``count`` candles, as money."""
        column = getattr(self.columns, name)
        return [self.price_of(price) for price in column[max(len(column) - count, 0) :].tolist()]


@dataclass(frozen=True, slots=True)
class Tick:
    """One quote as the exchange sent it; ``at`` is the exchange's time."""

    instrument: str
    last_price: Decimal
    bid: Decimal | None
    ask: Decimal | None
    volume: int
    at: datetime


@dataclass(frozen=True, slots=True)
class Fill:
    """A trade of this run; ``number`` is that of the decision which caused it, where known."""

    instrument: str
    signed_quantity: int
    price: Decimal
    at: datetime
    number: int | None = None


@dataclass(frozen=True, slots=True)
class Held:
    """What the run holds of one instrument: ``quantity`` is signed, in units."""

    quantity: int
    average_price: Decimal
    stop: Decimal | None
    target: Decimal | None
    since: datetime


@dataclass(frozen=True, slots=True)
class Reason:
    """Why, in words, with the numbers in them; ``code`` names the kind ("inside_bands")."""

    text: str
    numbers: Mapping[str, str | int | float] = field(default_factory=dict)
    code: str = ""


@dataclass(frozen=True, slots=True)
class Enter:
    """Open a position. How many is not the strategy's business: the deployment sizes it."""

    instrument: str
    side: Side
    stop: Decimal
    reason: Reason
    target: Decimal | None = None
    limit_price: Decimal | None = None


@dataclass(frozen=True, slots=True)
class Exit:
    """Close all that is held of the instrument."""

    instrument: str
    reason: Reason


@dataclass(frozen=True, slots=True)
class ChangeStop:
    """Move the stop; away from the price only with ``may_loosen``."""

    instrument: str
    stop: Decimal
    reason: Reason
    may_loosen: bool = False


@dataclass(frozen=True, slots=True)
class Wait:
    """No trade, and why; ``nearness`` 0..1 says how near the condition was, None if it cannot be said."""

    instrument: str
    reason: Reason
    nearness: float | None = None


Intent = Enter | Exit | ChangeStop | Wait


class Context(Protocol):
    """All a strategy may ask; there is no clock, database, broker or account behind it."""

    @property
    def now(self) -> datetime: ...
    @property
    def day(self) -> date:
        """The trading day in Asia/Kolkata."""
        ...

    @property
    def may_short(self) -> bool:
        """Whether the deployment's product and instrument let one sell first."""
        ...

    def held(self, instrument: str) -> Held | None: ...

    def in_flight(self, instrument: str) -> bool:
        """Whether something asked before has neither filled nor ended."""
        ...

    def session(self, instrument: str) -> Session | None:
        """Today's continuous trading; None if it is closed or not known."""
        ...

    def records_wait(self, instrument: str, code: str) -> bool:
        """Whether a Wait of this kind would be kept now; spares building words nobody will read."""
        ...


class Strategy(Generic[ParametersT]):
    """Extend, set ``name``, ``title`` and ``Parameters``, and answer with intents.

    ``learn`` hears every candle, warm-up included, and only remembers; ``on_candle`` follows it on
    live candles, and decides. State must be restorable: after ``restore(save())`` every later
    answer is the same.
    """

    name: ClassVar[str] = ""
    title: ClassVar[str] = ""
    Parameters: ClassVar[type[StrategyParameters]] = StrategyParameters
    wants_ticks: ClassVar[bool] = False
    takes_incomplete_candles: ClassVar[bool] = False

    def __init__(self, parameters: ParametersT, instruments: Sequence[InstrumentSpec]) -> None:
        self.parameters = parameters
        self.instruments = {spec.key: spec for spec in instruments}

    def intervals(self) -> tuple[int, ...]:
        """Return the candle intervals it wants, in minutes."""
        return ()

    def warmup(self) -> dict[int, int]:
        """Return how many candles of each interval it needs before it can decide."""
        return {}

    def learn(self, ctx: Context, candle: Candle) -> None:
        """Remember a candle, of the past or just closed."""

    def learn_all(self, ctx: Context, past: PastCandles) -> None:
        """Remember candles of one day, at least one, of which none asks for a decision: as ``learn`` does each of them.

        It must leave the same behind. Of ``ctx`` only the day and its sessions are theirs.
        """
        for candle in past:
            self.learn(ctx, candle)

    def on_candle(self, ctx: Context, candle: Candle) -> Iterable[Intent]:
        return ()

    def on_tick(self, ctx: Context, tick: Tick) -> Iterable[Intent]:
        return ()

    def on_fill(self, ctx: Context, fill: Fill) -> Iterable[Intent]:
        return ()

    def signals(self, bars: CandleColumns) -> NDArray[Any] | None:
        """Return, in its vector form, the side it wants by the close of each candle; None: it has no vector form.

        +1 long, −1 short (or out, where it may not sell first), 0 as before. Each depends on its own candle and those
        before it, at most ``needs()`` together. It remembers nothing, and asks nothing but ``parameters``.
        """
        return None

    def needs(self) -> int | None:
        """Return on how many candles each of ``signals`` depends; None: on all since the first."""
        return None

    def outlook(self, ctx: Context, key: str, moments: Moments) -> Outlook | None:
        """Return where it could answer anything but a wait about an instrument; None: it must be asked each time.

        A backtest of candles then asks it only there, and has it ``learn_all`` that lies between. Each instrument must
        be treated by itself. Of ``ctx`` only ``may_short`` may be asked.
        """
        return None

    def save(self) -> JSONObject:
        """Return the state as a JSON object."""
        return {}

    def restore(self, state: JSONObject) -> None:
        """Take back what ``save`` returned."""
