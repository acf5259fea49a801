"""What was known is kept with each decision: judged again from there, every rule answers what it answered."""

import json
from datetime import UTC, datetime
from decimal import Decimal
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from trading.models import RiskDecision, RiskLimit
from trading.risk.cases import case_of, plain_case, unlike_checks
from trading.risk.verdicts import Case

MONEY = st.decimals(allow_nan=False, allow_infinity=False, places=4, min_value=-(10**9), max_value=10**9)
MOMENTS = st.datetimes(timezones=st.just(UTC))
st.register_type_strategy(Decimal, MONEY)
st.register_type_strategy(datetime, MOMENTS)


@pytest.fixture
def traded(pipeline):
    """A run that bought, and sold again at its price."""
    pipeline.trade("1505.00", "1499.00", "1500.00", "1511.00", "1511.00", "1511.00")
    return pipeline


@given(st.builds(Case))
def test_a_case_comes_back_as_it_was(case):
    again = case_of(json.loads(json.dumps(plain_case(case))))
    assert again == case
    assert str(again.limits.account.max_daily_loss) == str(case.limits.account.max_daily_loss)


def kinds(value: Any) -> set[type]:
    inner = value.values() if isinstance(value, dict) else value if isinstance(value, list) else ()
    return {type(value)}.union(*map(kinds, inner))


def test_no_figure_of_a_case_is_a_float(traded):
    for decision in RiskDecision.objects.all():
        assert kinds(decision.case) <= {dict, list, str, int, bool, type(None)}


def test_every_decision_of_a_day_is_made_again_from_what_was_known(traded):
    decisions = list(RiskDecision.objects.all())
    assert {decision.signal.kind for decision in decisions} == {"enter", "exit"}
    for decision in decisions:
        assert unlike_checks(decision.case, decision.checks) == []
        assert case_of(decision.case).now == decision.market_time


def test_a_refusal_is_made_again_with_its_words(pipeline):
    RiskLimit.objects.create(account=pipeline.account, max_quantity=5)
    pipeline.trade("1505.00", "1499.00", "1499.00")
    decision = RiskDecision.objects.get(approved=False)
    assert unlike_checks(decision.case, decision.checks) == []
    assert decision.refusal_codes == ["MAX_QTY"]


@pytest.mark.parametrize(
    ("name", "value", "code"),
    [
        ("exposure", {"available_funds": "1"}, "BUYING_POWER"),
        ("market", {"global_gate": "halted"}, "GATE"),
        ("limits", {"collar_percent": "0.0001"}, "PRICE_COLLAR"),
    ],
)
def test_what_was_not_so_is_answered_otherwise(traded, name, value, code):
    """A decision that was not made on what is kept with it does not pass for one that was."""
    entry = RiskDecision.objects.filter(signal__kind="enter").first()
    kept = entry.case | {name: entry.case[name] | value}
    assert code in unlike_checks(kept, entry.checks)
