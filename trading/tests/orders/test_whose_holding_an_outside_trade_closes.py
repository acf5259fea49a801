"""A trade nobody here asked for closes the hand's holding first, then holdings without exits out, oldest first."""

from datetime import UTC, datetime, timedelta
from uuid import UUID

from hypothesis import given
from hypothesis import strategies as st

from trading.orders.allocation import OpenHolding, allocate

HAND, A, B, C = (UUID(int=number) for number in range(1, 5))
MORNING = datetime(2026, 11, 23, 4, 0, tzinfo=UTC)


def holding(portfolio: UUID, held: int, minute: int = 0, *, exit_out: bool = False) -> OpenHolding:
    return OpenHolding(portfolio, held, MORNING + timedelta(minutes=minute), exit_out)


def test_the_hand_comes_first_then_the_oldest_and_what_has_an_exit_out_last():
    holdings = [holding(A, 10, 1, exit_out=True), holding(B, 10, 3), holding(C, 10, 2), holding(HAND, 4, 9)]
    assert allocate(-30, holdings, HAND) == [(HAND, -4), (C, -10), (B, -10), (A, -6)]


def test_what_closes_nothing_is_the_hands():
    assert allocate(5, [holding(A, 10)], HAND) == [(HAND, 5)]
    assert allocate(-12, [holding(A, 10)], HAND) == [(A, -10), (HAND, -2)]
    assert allocate(-12, [holding(HAND, 10)], HAND) == [(HAND, -12)]


def test_a_purchase_closes_shorts_and_leaves_longs():
    assert allocate(7, [holding(A, 10), holding(B, -5)], HAND) == [(B, 5), (HAND, 2)]


@given(st.integers(-50, 50).filter(bool), st.lists(st.integers(-20, 20).filter(bool), min_size=4, max_size=4))
def test_parts_sum_to_the_trade_and_turn_no_deployment_around(quantity, held):
    holdings = [holding(one, units) for one, units in zip((HAND, A, B, C), held, strict=True)]
    moved = dict(allocate(quantity, holdings, HAND))
    assert sum(moved.values()) == quantity
    for one in holdings[1:]:
        assert 0 <= (one.held + moved.get(one.portfolio, 0)) * (1 if one.held > 0 else -1) <= abs(one.held)
