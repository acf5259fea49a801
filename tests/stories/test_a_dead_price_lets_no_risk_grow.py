"""Fresh means the exchange's time of today; what a price that is not can say nothing of lets no risk grow."""

from datetime import UTC, datetime, timedelta
from decimal import Decimal

import pytest

from instruments.models import Instrument
from market.board import read_quotes
from market.domain.staleness import Liveness
from market.subscriptions import subscribe_instrument
from portfolio.models import Position
from tests.stories.pipeline import at, make_instrument
from trading.models import RiskLimit, Signal
from trading.orders.requests import place_manual
from trading.risk.account_meters import account_meters
from trading.risk.marks import Marks

D = Decimal


@pytest.fixture
def watched(pipeline):
    subscribe_instrument(pipeline.feed, pipeline.infy, "full", ref="watchlist")
    return pipeline


@pytest.fixture
def tcs(watched) -> Instrument:
    tcs = make_instrument(token=333 * 256 + 1, symbol="TCS")
    subscribe_instrument(watched.feed, tcs, "full", ref="watchlist")
    return tcs


def buy(pipeline, quantity: int = 5, instrument=None, price: str | None = None, product: str = "MIS") -> Signal:
    order_type = "LIMIT" if price else "MARKET"
    limit = D(price) if price else None
    return place_manual(
        pipeline.account, instrument or pipeline.infy, side="BUY", quantity=quantity, order_type=order_type,
        product=product, by="tests", price=limit,
    )  # fmt: skip


def refusals_of(signal: Signal) -> list[str]:
    return Signal.objects.get(pk=signal.pk).decision.refusal_codes


def hold_infy(watched, quantity: int = 100) -> None:
    watched.play("1500.00")
    buy(watched, quantity)
    watched.play("1500.00", "1500.00", "1500.00")
    assert Position.objects.get().quantity == quantity


def hear_only(watched, tcs: Instrument, after: timedelta) -> None:
    """Time passes, and only the other share is heard of."""
    watched.now += after
    watched.append(watched.packet("3000.00", token=tcs.instrument_token))
    watched.quiesce()


def test_a_cached_packet_of_three_days_ago_approves_nothing_however_lately_it_came(watched):
    three_days_ago = int((watched.now - timedelta(days=3)).timestamp())
    watched.play("1500.00")
    watched.show(watched.packet("900.00", exchange_timestamp=three_days_ago))
    signal = buy(watched, price="905.00")
    watched.quiesce()
    assert Signal.objects.get().quote_at == datetime.fromtimestamp(three_days_ago, UTC)
    assert "QUOTE_AGE" in refusals_of(signal)


def test_a_quote_without_a_time_is_of_unknown_age_and_approves_nothing(watched):
    watched.show(watched.packet("900.00", exchange_timestamp=0))
    quote = read_quotes([watched.infy], watched.now)[watched.infy.pk]
    assert (quote.age(watched.now), quote.state) == (None, Liveness.DEAD)
    signal = buy(watched, price="900.00")
    watched.quiesce()
    assert "QUOTE_AGE" in refusals_of(signal)


def test_a_dead_price_of_one_position_lets_no_risk_grow_in_another(watched, tcs):
    RiskLimit.objects.create(account=watched.account, max_daily_loss=D(1000), max_gross=D(10_000_000))
    hold_infy(watched)
    hear_only(watched, tcs, timedelta(hours=2))
    signal = buy(watched, 1, tcs)
    watched.quiesce()
    assert set(refusals_of(signal)) == {"LOSS_ACCOUNT", "MAX_GROSS", "BUYING_POWER"}
    usage = {meter.code: meter.used for meter in account_meters(watched.account, watched.now)}
    assert (usage["LOSS_ACCOUNT"], usage["MAX_GROSS"]) == (None, None)


def test_a_dead_price_holds_no_exit_back(watched, tcs):
    hold_infy(watched)
    hear_only(watched, tcs, timedelta(hours=2))
    signal = place_manual(
        watched.account, watched.infy, side="SELL", quantity=100, order_type="MARKET", product="MIS", by="tests"
    )
    watched.quiesce()
    assert Signal.objects.get(pk=signal.pk).state == "ordered"


def test_the_price_an_order_was_decided_on_values_nothing_once_it_is_dead(watched):
    marks = Marks({})
    for age, known in ((timedelta(minutes=9), True), (timedelta(minutes=11), False)):
        marks.prices.clear()
        marks.set_price(watched.infy, D(1500), watched.now - age, watched.now)
        assert (watched.infy.pk in marks.prices) is known
    marks.set_price(watched.infy, D(1500), None, watched.now)
    assert not marks.prices


def test_buying_power_counts_what_is_being_lost_and_no_gain(watched, tcs):
    hold_infy(watched, 2000)  # of the 10,00,000 in cash 6,00,000 are blocked: 20 % of 30,00,000
    for price, free in (("1500.00", 400_000), ("1400.00", 200_000), ("1600.00", 400_000)):
        watched.play(price)
        watched.append(watched.packet("3000.00", token=tcs.instrument_token))
        signal = buy(watched, 1, tcs)
        watched.quiesce()
        checks = Signal.objects.get(pk=signal.pk).decision.checks
        power = next(check for check in checks if check["code"] == "BUYING_POWER")
        # A thousand or so of it went for charges.
        assert free - 3000 < D(power["limit_number"]) <= free


CLOSED = [
    ("15:14:50", 0, True),  # heard seconds ago
    ("15:26:00", 0, True),  # continuous trading has ended: nothing can be newer
    ("20:00:00", 0, True),
    ("10:00:00", 1, True),  # 24 November is a holiday
    ("09:14:59", 2, True),  # not open yet
    ("09:15:00", 2, False),  # open, and not heard of today
]


@pytest.mark.parametrize(("clock", "days", "known"), CLOSED)
def test_the_last_price_of_a_session_stands_until_the_next_begins(watched, clock, days, known):
    watched.now = at("15:14:30")
    watched.tick("1500.00")
    marks = Marks.for_instruments([watched.infy], at(clock) + timedelta(days=days))
    assert (marks.prices[watched.infy.pk].last is not None) is known


def test_a_price_that_died_during_the_session_does_not_come_back_to_life_at_its_close(watched):
    watched.now = at("14:00:00")
    watched.tick("1500.00")
    assert Marks.for_instruments([watched.infy], at("16:00:00")).prices[watched.infy.pk].last is None
