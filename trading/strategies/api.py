"""All a strategy may import: one module, public from here on, its names kept.

A strategy is a class that extends ``Strategy`` (or ``TrackingStrategy``, which keeps a window of closes, sizes stops
and waits out cool-downs for it), with typed ``Parameters`` and callbacks that answer with intents:

- given: ``Candle``, ``Tick``, ``Fill``, ``Context`` (the time, what is held, today's ``Session``), ``InstrumentSpec``;
- answered: ``Enter``, ``Exit``, ``ChangeStop``, ``Wait``, each with a ``Reason`` in words and numbers;
- parameters: ``whole``, ``number``, ``one_of``, ``yes_no``, ``clock_time`` draw their own form fields;
- indicators of a window: ``sma``, ``bollinger``, ``rsi``, ``atr``, ``rate_of_change``;
- indicators that go on with every candle, and are saved: ``SimpleAverage``, ``ExponentialAverage``,
  ``BollingerBands``, ``RelativeStrength``;
- prices on the tick: ``nearest_tick``, ``floor_to_tick``, ``ceil_to_tick``;
- words: ``money``, ``percent``, ``counted``, and ``nearness`` for how near a condition was.

Put yours in a package, name it in ``STRATEGY_PACKAGES``, run ``migrate``: ``docs/strategies.md`` begins with one.
"""

from alphapanda.core.figures import counted
from alphapanda.core.figures import plain as money
from alphapanda.core.figures import signed_percent as percent
from alphapanda.core.timezone import IST
from instruments.domain.prices import ceil_to_tick, floor_to_tick, nearest_tick
from trading.strategies.indicators import (
    EMA_CONVERGED,
    EMA_MEMORY,
    NEUTRAL_RSI,
    WILDER_CONVERGED,
    WILDER_MEMORY,
    Average,
    Bands,
    Bars,
    BollingerBands,
    ExponentialAverage,
    RelativeStrength,
    SimpleAverage,
    atr,
    bollinger,
    ema_sides,
    newest,
    rate_of_change,
    rsi,
    sign,
    sma,
    sma_sides,
)
from trading.strategies.outlook import (
    FixedOutlook,
    Moments,
    Outlook,
    rolling_highs,
    rolling_lows,
    rolling_sums,
    side_outlook,
)
from trading.strategies.parameters import BadParameters, StrategyParameters, clock_time, number, one_of, whole, yes_no
from trading.strategies.tracking import SharedParameters, Track, TrackingStrategy, nearness
from trading.strategies.values import (
    Candle,
    CandleColumns,
    ChangeStop,
    Context,
    Enter,
    Exit,
    Fill,
    Held,
    InstrumentSpec,
    Intent,
    JSONObject,
    PastCandles,
    Reason,
    Session,
    Side,
    Strategy,
    Tick,
    Wait,
)

__all__ = [
    "EMA_CONVERGED",
    "EMA_MEMORY",
    "IST",
    "NEUTRAL_RSI",
    "WILDER_CONVERGED",
    "WILDER_MEMORY",
    "Average",
    "BadParameters",
    "Bands",
    "Bars",
    "BollingerBands",
    "Candle",
    "CandleColumns",
    "ChangeStop",
    "Context",
    "Enter",
    "Exit",
    "ExponentialAverage",
    "Fill",
    "FixedOutlook",
    "Held",
    "InstrumentSpec",
    "Intent",
    "JSONObject",
    "Moments",
    "Outlook",
    "PastCandles",
    "Reason",
    "RelativeStrength",
    "Session",
    "SharedParameters",
    "Side",
    "SimpleAverage",
    "Strategy",
    "StrategyParameters",
    "Tick",
    "Track",
    "TrackingStrategy",
    "Wait",
    "atr",
    "bollinger",
    "ceil_to_tick",
    "clock_time",
    "counted",
    "ema_sides",
    "floor_to_tick",
    "money",
    "nearest_tick",
    "nearness",
    "newest",
    "number",
    "one_of",
    "percent",
    "rate_of_change",
    "rolling_highs",
    "rolling_lows",
    "rolling_sums",
    "rsi",
    "side_outlook",
    "sign",
    "sma",
    "sma_sides",
    "whole",
    "yes_no",
]
