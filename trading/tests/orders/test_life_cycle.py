"""The life-cycle tables say what may follow what, and nothing else may."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from trading.orders.life_cycle import (
    DEPLOYMENT_LABELS,
    GATE_LABELS,
    MAY_STILL_FILL,
    MEANINGS,
    NEXT_DEPLOYMENT_STATES,
    NEXT_GATE_STATES,
    NEXT_SIGNAL_STATES,
    NEXT_STATES,
    ORDER_LABELS,
    SIGNAL_LABELS,
    TERMINAL,
    DeploymentState,
    GateState,
    IllegalTransition,
    OrderState,
    SignalState,
    advance_state,
    effective_gate,
    is_terminal,
    state_after_trades,
)


def test_every_state_has_a_row_and_words():
    assert set(NEXT_STATES) == set(OrderState) == set(ORDER_LABELS) == set(MEANINGS)
    assert set(NEXT_SIGNAL_STATES) == set(SignalState) == set(SIGNAL_LABELS)
    assert set(NEXT_DEPLOYMENT_STATES) == set(DeploymentState) == set(DEPLOYMENT_LABELS)
    assert set(NEXT_GATE_STATES) == set(GateState) == set(GATE_LABELS)


@given(st.sampled_from(OrderState), st.sampled_from(OrderState))
def test_only_the_table_decides_what_follows(current, new):
    if new == current or new in NEXT_STATES[current]:
        assert advance_state(current, new) is new
    else:
        with pytest.raises(IllegalTransition, match="→"):
            advance_state(current, new)


@given(st.sampled_from(OrderState))
def test_a_trade_for_the_whole_quantity_fills_an_order_in_any_state(state):
    assert state_after_trades(state, 10, 10) is OrderState.FILLED


def test_an_order_without_an_answer_can_never_be_sent_again():
    assert OrderState.CREATED not in NEXT_STATES[OrderState.UNCONFIRMED]
    assert all(OrderState.UNCONFIRMED not in nexts for s, nexts in NEXT_STATES.items() if s != "created")


def test_a_part_filled_unconfirmed_order_is_known_to_be_open():
    assert state_after_trades(OrderState.UNCONFIRMED, 10, 4) is OrderState.OPEN


def test_a_late_partial_trade_leaves_a_cancelled_order_cancelled():
    assert state_after_trades(OrderState.CANCELLED, 10, 4) is OrderState.CANCELLED


def test_terminal_and_may_still_fill_share_out_all_states():
    assert frozenset(OrderState) == TERMINAL | MAY_STILL_FILL
    assert not TERMINAL & MAY_STILL_FILL
    assert OrderState.NEEDS_HUMAN in MAY_STILL_FILL
    assert is_terminal(OrderState.NOT_PLACED)


def test_only_proof_leads_to_not_placed():
    leads = {state for state, nexts in NEXT_STATES.items() if OrderState.NOT_PLACED in nexts}
    assert leads == {OrderState.CREATED, OrderState.UNCONFIRMED, OrderState.NEEDS_HUMAN}


def test_a_signal_ends_once():
    for state in set(SignalState) - {SignalState.NEW}:
        assert NEXT_SIGNAL_STATES[state] == frozenset()


def test_a_paused_or_halted_deployment_resumes_in_one_step():
    assert DeploymentState.RUNNING in NEXT_DEPLOYMENT_STATES[DeploymentState.PAUSED]
    assert DeploymentState.RUNNING in NEXT_DEPLOYMENT_STATES[DeploymentState.HALTED]


def test_an_unknown_gate_counts_as_halted():
    assert effective_gate(GateState.ACTIVE, None, flag_raised=False) is GateState.HALTED
    assert effective_gate(GateState.ACTIVE, GateState.REDUCE_ONLY, flag_raised=False) is GateState.REDUCE_ONLY
