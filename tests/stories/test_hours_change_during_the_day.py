"""Jobs run at India's hours, an early close announced during the day is seen, and no order takes from an old book."""

from datetime import UTC, datetime, timedelta
from decimal import Decimal

import pytest
from django.conf import settings

from alphapanda.celery import app
from instruments.models import TradingSession
from market.models import Candle
from market.subscriptions import subscribe_instrument
from portfolio.models import Position
from tests.stories.pipeline import DAY, at
from trading.models import Order, PaperRequest
from trading.orders import execution
from trading.orders.requests import place_manual
from trading.risk import assessment
from trading.run import sessions


@pytest.mark.parametrize(("minute", "is_due"), [(59, False), (61, True)])
def test_the_books_are_checked_at_half_past_five_in_india(minute, is_due):
    schedule = settings.CELERY_BEAT_SCHEDULE["books"]["schedule"]
    schedule.app, before = app, datetime(2026, 11, 23, 11, 0, tzinfo=UTC)  # 16:30 in India
    schedule.nowfun = lambda: before + timedelta(minutes=minute)
    assert schedule.is_due(before).is_due is is_due


def close_early(clock: str) -> None:
    phases = [{"kind": "continuous", "from": "09:15", "to": clock}]
    TradingSession.objects.filter(exchange="NSE", day=DAY).update(phases=phases)


def test_an_early_close_is_seen_within_seconds(pipeline, monkeypatch):
    assert sessions.schedule_on(pipeline.infy.pk, DAY).closes_at == at("15:15:00")
    close_early("11:00")
    assert sessions.schedule_on(pipeline.infy.pk, DAY).closes_at == at("15:15:00")
    monkeypatch.setattr(sessions, "LONGEST_UNSEEN", 0)
    assert sessions.schedule_on(pipeline.infy.pk, DAY).closes_at == at("11:00:00")


def test_a_run_leaves_its_position_before_an_early_close(pipeline):
    pipeline.trade("1505.00", "1499.00", "1500.00", parameters={"buy_at": "1500", "sell_at": "1600"})
    pipeline.play("1505.00", "1505.00")
    assert Position.objects.get().quantity == 10
    close_early("10:20")
    sessions.forget_calendar()
    for _ in range(5):
        pipeline.tick("1505.00", after=250)
        pipeline.quiesce()
    assert Position.objects.get().quantity == 0


def test_a_holiday_announced_during_the_day_ends_its_candles_and_entries(pipeline):
    deployment = pipeline.deploy()
    pipeline.start(deployment)
    pipeline.play("1505.00")
    TradingSession.objects.filter(exchange="NSE", day=DAY).update(phases=[], is_holiday=True)
    sessions.forget_calendar()
    pipeline.tick("1505.00", after=60)
    pipeline.play("1499.00", "1499.00")
    assert not Order.objects.exists()


def test_a_later_request_does_not_fill_on_a_book_kept_from_before(pipeline):
    subscribe_instrument(pipeline.feed, pipeline.infy, "full", ref="watchlist")
    pipeline.play("1500.00")
    values = {"side": "BUY", "quantity": 5, "order_type": "MARKET", "product": "CNC", "by": "tests"}
    place_manual(pipeline.account, pipeline.infy, **values)
    pipeline.play("1500.00", "1500.00")
    assert Order.objects.get().state == "filled"
    place_manual(pipeline.account, pipeline.infy, **(values | {"quantity": 6}))
    assessment.assess_signals(pipeline.account.pk)
    execution.execute_orders(pipeline.account.pk)
    # Decided a while ago, and written only now: that book has passed.
    PaperRequest.objects.filter(is_done=False).update(arrives_at=pipeline.now - timedelta(seconds=1))
    pipeline.watermark()
    pipeline.quiesce()
    assert Order.objects.latest("id").filled_quantity == 0
    pipeline.play("1510.00")
    assert Order.objects.latest("id").average_price == Decimal("1510.10")


def test_the_day_candle_ends_with_the_closing_auction_and_the_minutes_before(pipeline):
    pipeline.trade("1505.00")
    pipeline.now = at("15:14:30")
    pipeline.tick("1510.00")
    pipeline.quiesce()
    pipeline.now = at("15:29:30")
    pipeline.tick("1515.00")
    pipeline.quiesce()
    pipeline.now = at("15:35:01")
    pipeline.watermark(after=2)
    pipeline.quiesce()
    assert Candle.objects.get(interval=1440).close == 1515
    assert Candle.objects.filter(interval=1).latest("start").close == 1510
