"""An order that ends while Live is being read stands on the page once."""

from threading import Thread
from typing import Any

import pytest
from django.db import connection

from alphapanda.dashboard.panels import live_snapshot
from alphapanda.dashboard.tests.conftest import SampleDay
from trading.models import Order
from trading.orders.life_cycle import OrderState

pytestmark = [pytest.mark.django_db(transaction=True)]


class FillsMeanwhile:
    """Fills an order over another connection, as another process would, right after the first query of orders."""

    def __init__(self, order: Order) -> None:
        self.order, self.is_filled = order, False

    def __call__(self, execute: Any, sql: str, *rest: Any) -> Any:
        answer = execute(sql, *rest)
        if not self.is_filled and 'FROM "trading_order"' in sql and "trading_order" in sql.partition(" FROM ")[0]:
            self.is_filled = True
            elsewhere = Thread(target=self.fill)
            elsewhere.start()
            elsewhere.join()
        return answer

    def fill(self) -> None:
        try:
            Order.objects.filter(pk=self.order.pk).update(state=OrderState.FILLED, filled_quantity=240)
        finally:
            connection.close()


def test_an_order_that_fills_while_the_page_is_read_stands_in_it_once(sample: SampleDay) -> None:
    filling = FillsMeanwhile(sample.order("open"))
    with connection.execute_wrapper(filling):
        keys = [row["key"] for row in live_snapshot(None)["orders"]["rows"]]
    assert filling.is_filled
    assert keys == [str(filling.order.pk)]


def test_what_needs_a_person_comes_first_and_what_ended_last(sample: SampleDay) -> None:
    made = [sample.order(state) for state in ("open", "needs_human", "unconfirmed", "open")]
    filled = sample.order("open", filled=240)
    keys = [row["key"] for row in live_snapshot(None)["orders"]["rows"]]
    assert keys == [str(one.pk) for one in (made[1], made[2], made[3], made[0], filled)]
