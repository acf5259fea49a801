"""A position carried over night makes today what its price moved since the previous close, at the gate and on pages."""

from datetime import timedelta
from decimal import Decimal

import pytest

from alphapanda.dashboard.panels.context import PageContext
from alphapanda.dashboard.panels.results import PortfolioDays, add_results
from market.subscriptions import subscribe_instrument
from portfolio.models import Position
from tests.stories.pipeline import at
from trading.models import RiskLimit, Signal
from trading.orders.requests import place_manual
from trading.risk.profit_snapshots import snapshot_account

D = Decimal


@pytest.fixture
def carried(pipeline):
    """100 INFY bought for delivery on Monday at 1,500; it is Wednesday, and Tuesday was a holiday."""
    RiskLimit.objects.create(account=pipeline.account, max_daily_loss=D(1000), price_collar_percent=20)
    subscribe_instrument(pipeline.feed, pipeline.infy, "full", ref="watchlist")
    pipeline.play("1500.00")
    ask(pipeline, "BUY", 100)
    pipeline.play("1500.00", "1500.00", "1500.00")
    assert Position.objects.get().quantity == 100
    pipeline.now = at("10:00:00") + timedelta(days=2)
    pipeline.epoch, pipeline.n = 2, 0
    return pipeline


def ask(pipeline, side: str, quantity: int) -> Signal:
    signal = place_manual(
        pipeline.account, pipeline.infy, side=side, quantity=quantity, order_type="MARKET", product="CNC", by="tests"
    )
    pipeline.quiesce()
    return Signal.objects.get(pk=signal.pk)


def net_on_the_page() -> Decimal | None:
    return add_results(PortfolioDays(PageContext()).all).net


@pytest.mark.parametrize(("close", "refused"), [(150_500, False), (152_000, True)])
def test_the_loss_limit_counts_from_the_previous_close(carried, close, refused):
    carried.play("1496.00", close=close)
    signal = ask(carried, "BUY", 1)
    assert ("LOSS_ACCOUNT" in signal.decision.refusal_codes) is refused
    assert net_on_the_page() == 100 * (D(1496) - D(close) / 100)


def test_what_was_sold_out_today_still_needs_its_previous_close(carried):
    carried.play("1510.00", close=150_500)
    ask(carried, "SELL", 100)
    carried.play("1510.00", "1510.00", close=150_500)
    assert Position.objects.get().quantity == 0
    [snapshot] = snapshot_account(carried.account)
    # Sold at the bid, 1,510.00, and so 5 above the previous close; charges come off it.
    assert snapshot.net == 500 - snapshot.charges
    assert net_on_the_page() == snapshot.net


def test_before_the_first_price_of_the_day_nothing_has_been_made_yet(carried):
    carried.now = at("09:00:00") + timedelta(days=2)
    carried.watermark()
    assert net_on_the_page() is None  # Monday's last price came at 10:00 and says nothing of its close
    carried.now = at("15:14:00")
    carried.append_quote("1490.00")
    carried.now = at("09:00:00") + timedelta(days=2)
    assert net_on_the_page() == 0
