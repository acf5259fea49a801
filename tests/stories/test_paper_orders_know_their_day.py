"""Paper orders know their day: what Monday asked does not fill on Wednesday, whoever slept over the close."""

from tests.stories.pipeline import at
from trading.models import Order, PaperRequest
from trading.orders import execution
from trading.orders.life_cycle import OrderState
from trading.risk import assessment


def test_a_day_order_does_not_survive_the_night(watched):
    watched.now = at("15:00:00")
    watched.play("1500.00")
    watched.buy(price="1490.00")
    watched.play("1500.00", "1500.00")
    assert Order.objects.get().state == OrderState.OPEN
    watched.go_to_next_session()
    watched.play("1480.00", "1480.00", "1480.00")
    order = Order.objects.get()
    assert order.filled_quantity == 0
    assert order.state in (OrderState.EXPIRED, OrderState.CANCELLED)


def test_a_request_of_an_earlier_day_does_not_arrive_today(watched):
    watched.now = at("15:00:00")
    watched.play("1500.00")
    watched.buy()
    assessment.assess_signals(watched.account.pk)
    execution.execute_orders(watched.account.pk)
    assert PaperRequest.objects.get().is_done is False
    watched.go_to_next_session()
    watched.play("1700.00", "1700.00", "1700.00")
    assert Order.objects.get().filled_quantity == 0
