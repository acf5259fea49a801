"""An option that expires is settled by the day's final price, its run hears of it, and its token is another's then."""

from datetime import datetime, timedelta
from decimal import Decimal

import pytest

from alphapanda.core.clock.services import set_market_time
from alphapanda.core.timezone import IST
from instruments.models import Instrument, SettlementPrice
from market.models import Candle
from market.subscriptions import subscribe_instrument
from portfolio.booking import open_account
from portfolio.models import Account, Position, Trade
from tests.stories.lab_twin import assert_twins, come_to_rest
from tests.stories.pipeline import DAY, at, make_instrument
from trading import wakeups
from trading.brokers.data_port import HistoricalCandle
from trading.brokers.settlement_prices import fetch_settlement_prices
from trading.models import BrokerSession, RunInput, Signal
from trading.orders.expiries import book_expiries
from trading.risk.market_view import market_view
from trading.risk.marks import Marks
from trading.ticks import drain, sweeping

TOKEN = 45_000 * 256 + 2
OPTION = {"exchange": "NFO", "segment": "NFO-OPT", "lot_size": 65, "has_derivatives": False, "name": "NIFTY"}
OPTION |= {"instrument_type": "CE", "strike": Decimal(24000), "tick_size": Decimal("0.05"), "expiry": DAY}
TERMS = {"product": "NRML", "size": Decimal(1), "flat_by": None}
PRICES = {"buy_at": "100", "sell_at": "400", "stop_percent": "50"}
EVENING = at("16:00:00")


class Broker:
    """Tells what the index closed at, by day, and remembers what it was asked."""

    def __init__(self, **closes: str) -> None:
        self.closes, self.asked = closes, []

    def fetch_history(self, token, interval, start, end):
        self.asked.append((token, interval, start.astimezone(IST).date()))
        prices = [(f"{day:%Y-%m-%d}", day) for day in (start - timedelta(days=1), start)]
        found = [(at, Decimal(self.closes[name])) for name, at in prices if name in self.closes]
        return [HistoricalCandle(at, price, price, price, price, 0) for at, price in found]


@pytest.fixture
def option(pipeline):
    make_instrument(token=256265, symbol="NIFTY 50", segment="INDICES", lot_size=0, has_derivatives=False)
    return make_instrument(token=TOKEN, symbol="NIFTY26NOV24000CE", **OPTION)


@pytest.fixture
def holding(pipeline, option):
    """A run holds a lot of the option, bought at 100."""
    deployment = pipeline.deploy(parameters=PRICES, **TERMS)
    deployment.instruments.set([option])
    pipeline.start(deployment)
    for price in ("105.00", "99.00", "100.00"):
        say(pipeline, price)
    assert Position.objects.get().quantity == 65
    return deployment


def say(pipeline, price: str, token: int = TOKEN) -> None:
    pipeline.now += timedelta(seconds=1)
    pipeline.append(pipeline.packet(price, token=token, spread="0.05"))
    pipeline.quiesce()


def go_to(pipeline, moment: datetime) -> None:
    pipeline.now = moment
    set_market_time(moment, 0)


def recycle(option: Instrument, **changes) -> Instrument:
    """The next day's dump: the option has gone and its token is a new contract's."""
    Instrument.objects.filter(pk=option.pk).update(listed=False, last_seen=DAY)
    later = {"expiry": DAY + timedelta(days=35), "first_seen": DAY + timedelta(days=1), "strike": Decimal(26000)}
    return make_instrument(token=TOKEN, symbol="NIFTY26DEC26000CE", **(OPTION | later | changes))


def test_it_is_settled_at_what_it_is_in_the_money_and_its_run_hears_of_it(pipeline, holding):
    go_to(pipeline, EVENING)
    SettlementPrice.objects.create(exchange="NFO", underlying="NIFTY", day=DAY, price=Decimal("24120.35"), source="NSE")
    book_expiries(pipeline.account.pk)
    position = Position.objects.get()
    bought_at = position.lots.get().price
    assert (position.quantity, position.realised) == (0, 65 * (Decimal("120.35") - bought_at))
    pipeline.watermark()
    pipeline.quiesce()
    told = RunInput.objects.get(kind="expired")
    assert told.epoch == pipeline.epoch
    [run] = drain._memories[pipeline.shard.pk].runs.values()
    assert run.host.positions == {}
    assert Signal.objects.filter(kind="exit").count() == 0


def test_a_backtest_of_the_day_settles_it_to_the_same_paisa(pipeline, option):
    deployment = pipeline.deploy(parameters=PRICES, **TERMS)
    deployment.instruments.set([option])
    pipeline.start(deployment)
    for price in ("105.00", "99.00", "100.00"):
        pipeline.now += timedelta(seconds=1)
        pipeline.append(pipeline.packet(price, token=TOKEN, spread="0.05"))
        come_to_rest(pipeline)
    SettlementPrice.objects.create(exchange="NFO", underlying="NIFTY", day=DAY, price=Decimal("24120.35"), source="NSE")
    engine = assert_twins(pipeline)
    assert [one.quantity for one in engine.account.holdings.held] == [65]
    go_to(pipeline, EVENING)
    book_expiries(pipeline.account.pk)
    engine.end_day()
    booked = Trade.objects.get(kind="expiry")
    [trade] = engine.account.expiries
    assert (trade.price, trade.signed_quantity, trade.traded_at) == (booked.price, -65, booked.traded_at)
    assert engine.account.holdings.cash == Account.objects.cash_of(pipeline.account.pk)
    assert (engine.account.holdings.held, engine.account.news[-1].kind) == ([], "expired")


def test_a_rebuild_forgets_the_position_at_the_same_place(pipeline, holding):
    test_it_is_settled_at_what_it_is_in_the_money_and_its_run_hears_of_it(pipeline, holding)
    pipeline.restart()
    pipeline.watermark()
    pipeline.quiesce()
    [run] = drain._memories[pipeline.shard.pk].runs.values()
    assert run.host.positions == {}


def test_the_sweeper_asks_for_the_price_when_the_day_is_over_and_then_has_it_booked(pipeline, holding, monkeypatch):
    woken = []
    monkeypatch.setattr(wakeups, "wake_stage", lambda *what: woken.append(what))
    data = open_account("practice", "live", "zerodha", Decimal(0))
    BrokerSession.objects.create(account=data, state=BrokerSession.State.LIVE)
    go_to(pipeline, EVENING - timedelta(seconds=1))
    sweeping.sweep_partitions()
    assert [what for what in woken if what[0] in (wakeups.SETTLEMENT, wakeups.EXPIRIES)] == []
    go_to(pipeline, EVENING)
    sweeping.sweep_partitions()
    assert (wakeups.SETTLEMENT, "practice", "broker.practice") in woken
    broker = Broker(**{"2026-11-20": "23000", "2026-11-23": "23950.40"})
    assert fetch_settlement_prices(broker, EVENING) == 1
    assert broker.asked == [(256265, 1440, DAY)]
    assert SettlementPrice.objects.get().price == Decimal("23950.40")
    sweeping.sweep_partitions()
    assert (wakeups.EXPIRIES, pipeline.account.pk, "housekeeping") in woken


def test_a_close_that_the_broker_does_not_tell_is_no_price(pipeline, holding):
    assert fetch_settlement_prices(Broker(**{"2026-11-20": "23000"}), EVENING) == 0
    assert not SettlementPrice.objects.exists()


def test_a_recycled_token_gives_a_position_no_other_contracts_price(pipeline, holding, option):
    go_to(pipeline, at("10:00:00") + timedelta(days=2))
    pipeline.epoch, pipeline.n = 2, 0
    recycled = recycle(option)
    subscribe_instrument(pipeline.feed, recycled, ref="watchlist")
    say(pipeline, "600.00")
    marks = Marks.for_account(pipeline.account.pk, pipeline.now)
    assert marks.prices[option.pk].last is None
    assert Marks.for_instruments([recycled], pipeline.now).prices[recycled.pk].last == Decimal("600.00")


def test_a_contract_that_expired_has_no_price_though_no_dump_has_come_since(pipeline, holding, option):
    go_to(pipeline, at("10:00:00") + timedelta(days=2))
    pipeline.show(pipeline.packet("600.00", token=TOKEN))
    assert Marks.for_account(pipeline.account.pk, pipeline.now).prices[option.pk].last is None


def test_what_was_said_of_a_token_before_it_was_recycled_is_no_price_of_the_new_contract(pipeline, holding, option):
    recycled = recycle(option)
    go_to(pipeline, at("09:20:00") + timedelta(days=2))
    assert Marks.for_instruments([recycled], pipeline.now).prices[recycled.pk].last is None


def test_a_decision_and_the_paper_exchange_see_no_packet_of_the_tokens_former_contract(pipeline, holding, option):
    subscribe_instrument(pipeline.feed, recycle(option), ref="watchlist")
    go_to(pipeline, at("09:20:00") + timedelta(days=2))
    pipeline.epoch, pipeline.n = 2, 0
    pipeline.watermark()
    pipeline.drain()
    memory = drain._memories[pipeline.shard.pk]
    assert memory.instruments[TOKEN].tradingsymbol == "NIFTY26DEC26000CE"
    assert TOKEN not in memory.rows


def test_a_candle_of_the_former_contract_that_closes_late_is_not_the_new_ones(pipeline, holding, option):
    recycled = recycle(option)
    subscribe_instrument(pipeline.feed, recycled, ref="watchlist", wants_candles=True)
    assert not Candle.objects.exists()  # that of Monday, 10:00 is being made still
    go_to(pipeline, at("09:20:00") + timedelta(days=2))
    pipeline.epoch, pipeline.n = 2, 0
    pipeline.watermark()
    pipeline.drain()
    assert not Candle.objects.filter(instrument=recycled).exists()


def test_an_expired_contract_cannot_be_traded_though_no_dump_has_come_since(pipeline, holding):
    signal = Signal.objects.get()
    assert market_view(signal, at("10:00:00")).tradable
    assert not market_view(signal, at("10:00:00") + timedelta(days=2)).tradable
