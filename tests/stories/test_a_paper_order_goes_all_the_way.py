"""One instrument, one deployment, one paper order through every stage, on real PostgreSQL and Valkey."""

from decimal import Decimal

from portfolio.models import Position
from trading.models import Fill, Order, PaperTrade, Signal
from trading.orders.life_cycle import OrderState, SignalState


def test_a_tick_becomes_a_signal_an_order_a_fill_and_a_position(pipeline):
    pipeline.trade("1505.00", "1499.00", "1499.50", "1500.00")
    order = Order.objects.get()
    assert (order.state, order.side, order.quantity, order.filled_quantity) == (OrderState.FILLED, "BUY", 10, 10)
    assert Position.objects.get().quantity == 10
    assert order.signal.decision.approved
    assert order.signal.state == SignalState.ORDERED


def test_a_paper_order_never_fills_on_the_tick_that_caused_it(pipeline):
    pipeline.trade("1505.00", "1499.00")
    assert Order.objects.get().state == OrderState.SUBMITTED
    pipeline.play("1501.00")
    # Bought at the ask of the book seen after its latency.
    assert Fill.objects.get().price == Decimal("1501.10")


def test_a_sell_is_priced_as_a_sell(pipeline):
    pipeline.trade("1505.00", "1499.00", "1500.00", "1511.00", "1512.00", "1512.00")
    bought, sold = Fill.objects.order_by("id")
    assert (bought.signed_quantity, bought.price) == (10, Decimal("1500.10"))
    assert (sold.signed_quantity, sold.price) == (-10, Decimal("1512.00"))
    assert Position.objects.get().quantity == 0


def test_a_signal_is_made_once_however_often_memory_is_lost(pipeline):
    pipeline.start(pipeline.deploy())
    for price in ("1505.00", "1499.00", "1500.00", "1511.00", "1512.00", "1512.00"):
        pipeline.restart()
        pipeline.play(price)
    assert Signal.objects.count() == 2
    assert PaperTrade.objects.filter(is_booked=True).count() == 2
    assert Position.objects.get().quantity == 0


def test_a_halted_gate_refuses_entries_and_lets_exits_out(pipeline):
    from trading.orders import gates

    pipeline.trade("1505.00", "1499.00", "1500.00")
    gates.set_gate("halted", by="tests", reason="trying")
    pipeline.play("1511.00", "1512.00", "1512.00", "1499.00", "1499.00")
    assert Position.objects.get().quantity == 0
    denied = Signal.objects.filter(state=SignalState.DENIED)
    assert [signal.kind for signal in denied] == ["enter"]
    assert "GATE" in denied[0].decision.refusal_codes
