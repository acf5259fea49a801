"""A run's exit ends for it after its fills, once, when all of it is flat; what it was decided on is kept."""

from decimal import Decimal

from trading.models import ExitPlan, RunInput, Signal

NARROW = {"buy_at": "1500", "sell_at": "1510", "stop_percent": "1"}


def test_a_run_hears_its_fills_and_then_that_it_is_flat(pipeline):
    pipeline.trade("1505.00", "1499.00", "1500.00", "1511.00", "1512.00", "1512.00", parameters=NARROW)
    heard = RunInput.objects.exclude(kind="begin").order_by("id")
    assert [(told.kind, told.payload.get("outcome")) for told in heard] == [
        ("fill", None),
        ("fill", None),
        ("ended", "flat"),
    ]


def test_an_exit_keeps_the_quote_it_was_decided_on(pipeline):
    pipeline.trade("1505.00", "1499.00", "1500.00", parameters=NARROW)
    pipeline.tick("1511.00")
    pipeline.drain()
    pipeline.append_quote("1400.00")  # the market goes on before the exit is asked
    plan = ExitPlan.objects.get()
    assert (plan.reference_price, plan.bid, plan.ask) == (Decimal(1511), Decimal(1511), Decimal("1511.10"))
    pipeline.quiesce()
    assert Signal.objects.get(kind="exit").reference_price == Decimal(1511)
