"""nautilus_trader: the crossing averages as its users write them.

It fills a market order at the close that a strategy decided on. In the walks of ``bar_sets`` that is the next open, at
the same moment. After the last close there is none, and nothing is decided on it.
"""

from decimal import Decimal

import numpy as np
from nautilus_trader.backtest.engine import BacktestEngine, BacktestEngineConfig
from nautilus_trader.backtest.models import FixedFeeModel
from nautilus_trader.config import LoggingConfig, StrategyConfig
from nautilus_trader.indicators import SimpleMovingAverage
from nautilus_trader.model.currencies import INR
from nautilus_trader.model.data import Bar, BarType, TradeTick
from nautilus_trader.model.enums import AccountType, AggressorSide, OmsType, OrderSide
from nautilus_trader.model.identifiers import InstrumentId, Symbol, TradeId, Venue
from nautilus_trader.model.instruments import Equity
from nautilus_trader.model.objects import Money, Price, Quantity
from nautilus_trader.trading.strategy import Strategy

from benchmarks.bar_sets import CASH, FEE, STARTS_AT, digest_of, make_ticks, make_walk, timed
from benchmarks.rivals.candles import FAST, SLOW, Fill

VENUE = Venue("SIM")
SECOND, MINUTE = 1_000_000_000, 60


class CrossingConfig(StrategyConfig, frozen=True):
    bar_type: BarType
    last_close: int  # nanoseconds since 1970


class Crossing(Strategy):
    def __init__(self, config):
        super().__init__(config)
        self.fast, self.slow, self.side, self.fills = SimpleMovingAverage(FAST), SimpleMovingAverage(SLOW), 0, []

    def on_start(self):
        self.one = Quantity.from_int(1)
        self.instrument_id = self.config.bar_type.instrument_id
        self.register_indicator_for_bars(self.config.bar_type, self.fast)
        self.register_indicator_for_bars(self.config.bar_type, self.slow)
        self.subscribe_bars(self.config.bar_type)

    def on_bar(self, bar):
        if not self.indicators_initialized():
            return
        gap, was = self.fast.value - self.slow.value, self.side
        self.side = (1 if gap > 0 else -1) if gap else was
        if bar.ts_event == self.config.last_close:
            return
        if not self.portfolio.is_flat(self.instrument_id):
            if self.side < 0:
                self.send(OrderSide.SELL)
        elif self.side > 0 > was:
            self.send(OrderSide.BUY)

    def send(self, side):
        self.submit_order(self.order_factory.market(self.instrument_id, side, self.one))

    def on_order_filled(self, event):
        sign = 1 if event.order_side == OrderSide.BUY else -1
        nth = (event.ts_event // SECOND - STARTS_AT) // MINUTE
        self.fills.append(Fill(nth, round(event.last_px.as_double()), sign * round(event.last_qty.as_double())))


def play_set(instruments, bars):
    walks = [make_walk(seed, bars) for seed in range(instruments)]
    engine = make_engine()
    strategies = [add_walk(engine, f"W{nth}", walk) for nth, walk in enumerate(walks)]
    seconds, _ = timed(engine.run)
    equity = engine.portfolio.account(VENUE).balance_total(INR).as_decimal() + sum(
        engine.portfolio.unrealized_pnl(strategy.instrument_id).as_decimal() for strategy in strategies
    )
    return {"seconds": seconds, "equity": int(equity), **digest_of(strategy.fills for strategy in strategies)}


def make_engine():
    engine = BacktestEngine(BacktestEngineConfig(logging=LoggingConfig(bypass_logging=True)))
    engine.add_venue(
        VENUE,
        OmsType.NETTING,
        AccountType.MARGIN,
        [Money(CASH, INR)],
        base_currency=INR,
        default_leverage=Decimal(1),
        fee_model=FixedFeeModel(Money(FEE, INR)),
    )
    return engine


def add_share(engine, name):
    """Add an instrument priced in whole paise."""
    instrument_id = InstrumentId(Symbol(name), VENUE)
    engine.add_instrument(Equity(instrument_id, Symbol(name), INR, 0, Price.from_int(1), Quantity.from_int(1), 0, 0))
    return instrument_id


def add_walk(engine, name, walk):
    """Add a walk's bars and who trades them."""
    instrument_id = add_share(engine, name)
    bar_type = BarType.from_str(f"{instrument_id}-1-MINUTE-LAST-EXTERNAL")
    prices = [
        [Price.from_int(int(price)) for price in column] for column in (walk.open, walk.high, walk.low, walk.close)
    ]
    volume, ends = Quantity.from_int(int(walk.volume[0])), ((walk.start + MINUTE) * SECOND).astype(np.int64).tolist()
    engine.add_data([Bar(bar_type, *ohlc, volume, end, end) for *ohlc, end in zip(*prices, ends, strict=True)])
    strategy = Crossing(CrossingConfig(bar_type=bar_type, last_close=ends[-1], strategy_id=name, order_id_tag=name))
    engine.add_strategy(strategy)
    return strategy


class TicksConfig(StrategyConfig, frozen=True):
    instrument_id: InstrumentId


class TwoAverages(Strategy):
    """Counts how often the averages of the last prices cross, and trades nothing."""

    def __init__(self, config):
        super().__init__(config)
        self.fast, self.slow, self.side, self.crossed = SimpleMovingAverage(FAST), SimpleMovingAverage(SLOW), 0, 0

    def on_start(self):
        self.register_indicator_for_trade_ticks(self.config.instrument_id, self.fast)
        self.register_indicator_for_trade_ticks(self.config.instrument_id, self.slow)
        self.subscribe_trade_ticks(self.config.instrument_id)

    def on_trade_tick(self, tick):
        if not self.indicators_initialized():
            return
        gap, was = self.fast.value - self.slow.value, self.side
        self.side = (1 if gap > 0 else -1) if gap else was
        self.crossed += was * self.side < 0


def play_ticks(count):
    engine = make_engine()
    instrument_id = add_share(engine, "W")
    one, buyer, same = Quantity.from_int(1), AggressorSide.BUYER, TradeId("1")
    times = ((STARTS_AT + np.arange(count)) * SECOND).tolist()
    engine.add_data(
        [
            TradeTick(instrument_id, Price.from_int(price), one, buyer, same, at, at)
            for price, at in zip(make_ticks(count).tolist(), times, strict=True)
        ]
    )
    strategy = TwoAverages(TicksConfig(instrument_id=instrument_id))
    engine.add_strategy(strategy)
    seconds, _ = timed(engine.run)
    return {"seconds": seconds, "crossed": strategy.crossed}
