"""What the rules ask of an account is one pure function: rows and plain values give the same exposure."""

from dataclasses import replace
from decimal import Decimal
from types import SimpleNamespace
from typing import Any

import pytest

from portfolio.booking import ensure_portfolio
from portfolio.models import Position
from trading.models import Order, Signal
from trading.risk import account_state, assessment
from trading.risk.exposure import load_state
from trading.risk.marks import Marks


def members_of(protocol: Any) -> set[str]:
    classes = (one for one in protocol.__mro__ if getattr(one, "_is_protocol", False))
    return {name for one in classes for name in vars(one) if isinstance(vars(one)[name], property)}


def plain(row: Any, protocol: Any) -> Any:
    """The row as a value that knows nothing but what its Protocol names."""
    return SimpleNamespace(**{name: getattr(row, name) for name in members_of(protocol)})


@pytest.fixture
def trading_by_hand(watched):
    """Ten held, and a limit for ten more out."""
    watched.buy(10, product="MIS")
    watched.quiesce()
    watched.play("1500.00")
    watched.buy(10, price="1490.00", product="MIS")
    assessment.assess_signals(watched.account.pk)
    assert (Position.objects.get().quantity, Order.objects.latest("id").out_quantity) == (10, 10)
    return watched


@pytest.mark.parametrize("side", ["BUY", "SELL"])
def test_rows_and_plain_values_give_one_exposure(trading_by_hand, side):
    pipeline = trading_by_hand
    signal: Signal = pipeline.buy(5, price="1480.00", product="MIS")
    signal.side = side
    portfolio = ensure_portfolio(pipeline.account).pk
    state = load_state(pipeline.account, Marks.for_account(pipeline.account.pk, pipeline.now), pipeline.now)
    in_memory = replace(
        state,
        positions=[plain(one, account_state.HeldPosition) for one in state.positions],
        orders=[plain(one, account_state.OutOrder) for one in state.orders],
        out_today=[plain(one, account_state.OutOrder) for one in state.out_today],
    )
    found = in_memory.exposure(plain(signal, account_state.Candidate), portfolio)
    assert found == state.exposure(signal, portfolio)
    assert (found.held.position, found.held.working_buys, found.closable) == (10, 10, 10 if side == "SELL" else 0)
    assert found.account.reserved_buys == Decimal(14_900)
