"""What changes between two queries of a page is seen by both of them or by neither."""

from threading import Thread
from typing import Any

import pytest
from django.db import connection

from alphapanda.dashboard.panels import live_snapshot
from alphapanda.dashboard.panels.live import page as live_page
from alphapanda.dashboard.tests.conftest import SampleDay
from trading.models import Order
from trading.orders.life_cycle import TERMINAL, OrderState

pytestmark = [pytest.mark.django_db(transaction=True)]


def elsewhere(change: Any) -> None:
    """Change something as another process would: over a connection of its own."""

    def work() -> None:
        try:
            change()
        finally:
            connection.close()

    thread = Thread(target=work)
    thread.start()
    thread.join()


def test_an_order_that_fills_while_the_page_is_read_stands_in_it_once(
    sample: SampleDay, monkeypatch: pytest.MonkeyPatch
) -> None:
    order = sample.order("open")
    read_live = live_page.live_orders

    def read_then_fill() -> list[Order]:
        found = read_live()
        elsewhere(lambda: Order.objects.filter(pk=order.pk).update(state=OrderState.FILLED, filled_quantity=240))
        return found

    monkeypatch.setattr(live_page, "live_orders", read_then_fill)
    keys = [row["key"] for row in live_snapshot(None)["orders"]["rows"]]
    assert len(keys) == len(set(keys)) == 1
    assert Order.objects.get().state in TERMINAL


def test_reading_a_page_can_write_nothing(sample: SampleDay, monkeypatch: pytest.MonkeyPatch) -> None:
    order = sample.order("open")
    monkeypatch.setattr(live_page, "live_orders", lambda: Order.objects.filter(pk=order.pk).update(state="filled"))
    with pytest.raises(Exception, match="read-only transaction"):
        live_snapshot(None)
