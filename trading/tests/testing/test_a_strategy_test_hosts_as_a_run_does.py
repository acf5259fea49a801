"""StrategyTest: what happens is said by the test, what is decided is what a run decides."""

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import timedelta
from decimal import Decimal
from typing import Any

import pytest

from trading.strategies.api import (
    BadParameters,
    Candle,
    Context,
    Enter,
    Exit,
    Fill,
    Intent,
    Reason,
    Strategy,
    StrategyParameters,
    Tick,
    whole,
)
from trading.testing import StrategyFault, StrategyTest, at, index, share, summary

D = Decimal
LOW, HIGH = Reason("low", {}, "low"), Reason("high", {}, "high")


@dataclass(frozen=True)
class Levels(StrategyParameters):
    buy_at: int = whole(100, label="Buy at", least=1, most=1000)
    limit_at: int = whole(0, label="Limit", least=0, most=1000)


class BuysLow(Strategy[Levels]):
    """Buys a close at or under a level, leaves at 110; raises at 0.05, and counts candles and fills."""

    name = "buys_low"
    Parameters = Levels
    wants_ticks = True

    def __init__(self, parameters: Levels, instruments: Any) -> None:
        super().__init__(parameters, instruments)
        self.learned: list[Candle] = []
        self.filled = 0

    def intervals(self) -> tuple[int, ...]:
        return (1, 60)

    def learn(self, ctx: Context, candle: Candle) -> None:
        self.learned.append(candle)

    def on_candle(self, ctx: Context, candle: Candle) -> Iterable[Intent]:
        if candle.close == D("0.05"):
            raise LookupError("no such level")
        if ctx.held(candle.instrument) is None and candle.close <= self.parameters.buy_at:
            limit = D(self.parameters.limit_at) or None
            yield Enter(candle.instrument, "BUY", candle.close - 5, LOW, limit_price=limit)

    def on_tick(self, ctx: Context, tick: Tick) -> Iterable[Intent]:
        if ctx.held(tick.instrument) and tick.last_price >= 110:
            yield Exit(tick.instrument, HIGH)

    def on_fill(self, ctx: Context, fill: Fill) -> Iterable[Intent]:
        self.filled += 1
        return ()

    def save(self) -> dict[str, int]:
        return {"filled": self.filled}

    def restore(self, state: dict[str, int]) -> None:
        self.filled = state["filled"]


def starts(run: StrategyTest) -> list[str]:
    return [f"{one.start + timedelta(hours=5.5):%a %H:%M}" for one in run.host.strategy.learned]


def test_it_warms_on_candles_that_ended_by_now_and_goes_on_after_them():
    run = StrategyTest(BuysLow, now="09:17")
    run.warm([103, 102, 101])
    run.candles(101, 102)
    assert starts(run) == ["Thu 15:29", "Fri 09:15", "Fri 09:16", "Fri 09:17", "Fri 09:18"]
    assert run.decisions == []


def test_after_the_last_candle_of_a_day_comes_the_first_of_the_next_trading_day():
    run = StrategyTest(BuysLow, now="15:29")
    run.candles(101, 102)
    assert starts(run) == ["Fri 15:29", "Mon 09:15"]


def test_the_last_long_candle_of_a_day_ends_with_it():
    run = StrategyTest(BuysLow, now="15:15")
    run.candle(101, interval=60)
    assert run.now == at("15:30:02")
    run.candle(101, interval=60)
    assert starts(run) == ["Fri 15:15", "Mon 09:15"]


def test_after_ticks_the_next_candle_is_the_one_they_are_in():
    run = StrategyTest(BuysLow)
    run.tick(101, "10:02:10")
    run.ticks(101, 102)
    assert run.now == at("10:02:30")
    run.candle(101)
    assert starts(run) == ["Fri 10:02"]


def test_the_candles_of_several_shares_lie_side_by_side():
    run = StrategyTest(BuysLow, instruments=[share(), share("NSE:ITC")])
    run.candles(101, 102)
    run.candles(101, 102, instrument="NSE:ITC")
    assert starts(run) == ["Fri 10:00", "Fri 10:01", "Fri 10:01", "Fri 10:02"]


def test_a_candle_holds_its_open_and_close_and_whatever_is_said():
    run = StrategyTest(BuysLow)
    run.candle(101, open=102)
    run.candle(101, high="103.5", low=100.5, volume=7, complete=True)
    run.candles(101, reach="0.5")
    held = [(one.open, one.high, one.low, one.close) for one in run.host.strategy.learned]
    assert held == [(102, 102, 101, 101), (101, D("103.5"), D("100.5"), 101), (101, D("101.5"), D("100.5"), 101)]


def test_what_is_decided_waits_for_its_fill_and_profit_is_what_was_made_and_what_is_held():
    run = StrategyTest(BuysLow)
    [bought] = run.candle(100)
    assert (bought.kind, bought.quantity, run.held()) == ("enter", 10, None)
    run.fill(bought, price="100.10")
    assert (run.held().quantity, run.profit) == (10, D("-1.00"))
    assert summary(run.tick(110)) == [("exit", "high")]
    assert run.profit == D("99.00")
    run.fill()
    run.tick(50)
    assert (run.held(), run.profit, len(run.fills)) == (None, D("99.00"), 2)
    assert run.host.strategy.filled == 2


def test_an_order_fills_in_parts_and_never_more_than_is_out():
    run = StrategyTest(BuysLow)
    [bought] = run.candle(100)
    run.fill(bought, quantity=4)
    with pytest.raises(ValueError, match="7 cannot fill of decision 1: 6 of it are out"):
        run.fill(bought, quantity=7)
    run.end(bought, "cancelled")
    assert run.held().quantity == 4
    with pytest.raises(ValueError, match="0 of it are out"):
        run.fill(bought)


def test_a_wait_cannot_be_filled_though_an_order_has_its_number():
    run = StrategyTest(BuysLow)
    run.candle(100)
    [wait] = [made for made in run.tick(100) + run.candle(100) if made.kind == "wait"]
    assert wait.number == 1
    with pytest.raises(ValueError, match="0 cannot fill of decision 1: 0 of it are out"):
        run.fill(wait)


def test_an_order_that_ended_bars_the_next_entry_for_a_while_as_in_a_run():
    run = StrategyTest(BuysLow)
    for _ in range(3):
        [asked] = run.candle(100)
        run.end(asked)
    assert summary(run.candle(100)) == [("wait", "entry_barred")]


def test_what_the_run_takes_back_may_still_fill_until_the_test_says_that_it_ended():
    run = StrategyTest(BuysLow)
    [bought] = run.candle(100)
    assert summary(run.move_to("10:02:30")) == [("cancel", "entry_rested")]
    run.fill(bought, quantity=1)
    run.end(bought, "cancelled")
    assert run.held().quantity == 1


def test_filling_itself_it_fills_at_the_next_price_heard():
    run = StrategyTest(BuysLow, fills_itself=True)
    run.candle(100)
    run.candle(104, open="101.5")
    run.ticks(110, 111)
    assert [(fill.signed_quantity, fill.price) for fill in run.fills] == [(10, D("101.5")), (-10, D(111))]
    assert run.profit == 95


def test_filling_itself_a_limit_waits_for_its_price_and_what_is_cancelled_fills_no_more():
    run = StrategyTest(BuysLow, {"limit_at": 99}, fills_itself=True)
    run.candle(100)
    run.tick("99.05")
    assert run.fills == []
    run.tick("99")
    assert len(run.fills) == 1
    run = StrategyTest(BuysLow, {"limit_at": 99}, fills_itself=True)
    run.candle(100)
    assert summary(run.move_to("10:02:30")) == [("cancel", "entry_rested")]
    run.tick("98")
    assert run.fills == []


def test_stops_and_flat_by_are_the_runs():
    run = StrategyTest(BuysLow, fills_itself=True)
    run.candle(100)
    assert summary(run.ticks(100, 94)) == [("exit", "stop")]
    run.tick(94)
    run.candle(100)
    run.tick(100)
    assert summary(run.move_to("15:20")) == [("exit", "flat_by")]


def test_a_fault_is_raised_and_kept_and_the_stop_still_leaves():
    run = StrategyTest(BuysLow, fills_itself=True)
    run.candles(100, 101)
    with pytest.raises(StrategyFault, match="on a candle: LookupError: no such level"):
        run.candle("0.05", high=101, low="0.05")
    [fault] = run.faults
    assert (fault.code, summary(run.decisions)) == ("raised", [("enter", "low"), ("exit", "stop")])
    run.tick(94)
    assert run.held() is None


def test_a_parameter_out_of_range_is_refused_in_words():
    with pytest.raises(BadParameters, match="buy_at: 0 is below the least allowed, 1"):
        StrategyTest(BuysLow, {"buy_at": 0})


def test_saved_and_restored_a_new_strategy_goes_on_where_the_old_one_was():
    run = StrategyTest(BuysLow)
    run.fill(run.candle(100)[0])
    before = run.host.strategy
    run.save_and_restore()
    assert run.host.strategy is not before
    assert (run.host.strategy.filled, run.held().quantity) == (1, 10)
    assert summary(run.tick(110)) == [("exit", "high")]


def test_several_shares_and_an_index_that_is_only_watched():
    run = StrategyTest(BuysLow, instruments=[share(), share("NSE:ITC", lot_size=5)], watched=(index(),), lots=2)
    made = run.candle(100) + run.candle(99, instrument="NSE:ITC") + run.candle(25000, instrument="NSE:NIFTY 50")
    assert [(one.instrument, one.quantity) for one in made] == [("NSE:INFY", 2), ("NSE:ITC", 10)]
    assert starts(run) == ["Fri 10:00"] * 3
    run.fill()
    assert run.held("NSE:ITC").quantity == 10
