"""The day's circuit bands are asked for once, when a quote tells them, for whatever may be traded."""

from datetime import timedelta
from decimal import Decimal

import pytest

from alphapanda.core.clock.services import set_market_time
from portfolio.booking import open_account
from tests.stories.pipeline import DAY, at, make_instrument
from trading import wakeups
from trading.brokers import price_bands
from trading.brokers.zerodha import market_data
from trading.brokers.zerodha.market_data import KiteMarketData
from trading.models import BrokerSession, PriceBand
from trading.ticks import sweeping

QUOTE = {"lower_circuit_limit": 1350.9, "upper_circuit_limit": 1651.1}


class Kite:
    """Answers for quotes, and remembers what it was asked."""

    def __init__(self, **quotes):
        self.quotes, self.asked = quotes, []

    def quote(self, keys):
        self.asked.append(keys)
        return {key: self.quotes[key] for key in keys if key in self.quotes}


@pytest.fixture(autouse=True)
def no_waiting(monkeypatch):
    monkeypatch.setattr(market_data._pace, "wait", lambda: None)


@pytest.fixture
def woken(pipeline, monkeypatch):
    data = open_account("practice", "live", "zerodha", Decimal(0))
    BrokerSession.objects.create(account=data, state=BrokerSession.State.LIVE)
    told = []
    monkeypatch.setattr(price_bands.wakeups, "wake_stage", lambda *what: told.append(what))
    return told


def test_a_running_deployments_share_is_asked_for_until_its_band_is_known(pipeline, woken):
    pipeline.start(pipeline.deploy())
    woken.clear()
    assert price_bands.wake_for_bands(pipeline.now) == 1
    assert woken == [(wakeups.BANDS, "practice", "broker.practice")]
    kite = Kite(**{"NSE:INFY": QUOTE})
    assert (
        price_bands.fetch_bands(
            KiteMarketData(kite), list(price_bands.instruments_lacking_bands("practice", pipeline.now)), pipeline.now
        )
        == 1
    )
    band = PriceBand.objects.get(instrument=pipeline.infy, day=DAY)
    assert (band.low, band.high) == (Decimal("1350.9"), Decimal("1651.1"))
    assert price_bands.wake_for_bands(pipeline.now) == 0
    assert price_bands.wake_for_bands(pipeline.now + timedelta(minutes=16)) == 1, "a band may have widened"
    assert price_bands.wake_for_bands(pipeline.now + timedelta(days=1)) == 1


def test_a_sweep_asks_for_none_in_a_replay_whose_clock_stands(pipeline, woken):
    pipeline.start(pipeline.deploy())
    assert sweeping.sweep_partitions()["fetch_bands"] == 0
    set_market_time(pipeline.now, 1)
    assert sweeping.sweep_partitions()["fetch_bands"] == 1


def test_before_nine_a_quote_tells_the_bands_of_the_day_before(pipeline, woken):
    pipeline.start(pipeline.deploy())
    early, kite = at("08:59:59"), Kite(**{"NSE:INFY": QUOTE})
    assert price_bands.wake_for_bands(early) == 0
    assert price_bands.fetch_bands(KiteMarketData(kite), [pipeline.infy], early) == 0
    assert kite.asked == []


def test_nobody_is_asked_for_what_is_not_traded_or_without_a_login(pipeline, woken):
    deployment = pipeline.deploy()
    assert price_bands.wake_for_bands(pipeline.now) == 0
    pipeline.start(deployment)
    BrokerSession.objects.update(state=BrokerSession.State.EXPIRED)
    assert price_bands.wake_for_bands(pipeline.now) == 0


def test_an_index_has_no_band_and_a_share_nobody_quotes_stays_unknown(pipeline):
    index = make_instrument(256265, "NIFTY 50", segment="INDICES", instrument_type="EQ")
    kite = Kite()
    assert price_bands.fetch_bands(KiteMarketData(kite), [index, pipeline.infy], pipeline.now) == 0
    assert kite.asked == [["NSE:INFY"]]
    assert not PriceBand.objects.exists()


def test_many_are_asked_for_in_requests_kite_takes(pipeline):
    shares = [make_instrument(token, f"S{token}") for token in range(1000, 1000 + market_data.MOST_KEYS + 1)]
    kite = Kite(**{share.key: QUOTE for share in shares})
    assert price_bands.fetch_bands(KiteMarketData(kite), shares, pipeline.now) == len(shares)
    assert [len(keys) for keys in kite.asked] == [market_data.MOST_KEYS, 1]
