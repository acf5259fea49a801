"""The gate: every rule is asked, unknown is refused, and getting out is always possible."""

from dataclasses import fields, replace
from datetime import timedelta
from decimal import Decimal

import pytest
from hypothesis import given
from hypothesis import strategies as st

from market.domain.staleness import Liveness
from trading.orders.life_cycle import GateState
from trading.risk.assess import LIVE, RISK, RULES, VALIDITY, assess
from trading.risk.inputs import BrokerView, HeldAndWorking, Limits, Usage, only_shrinks
from trading.risk.verdicts import Case, Code
from trading.tests.risk.risk_cases import (
    ACCOUNT_USAGE,
    BUY_10,
    EXPOSURE,
    LIMITS,
    MARKET,
    NOW,
    SELL_10,
    UNLIMITED,
    D,
    long_of,
    refused_by,
)

RISK_CODES = {rule.code.value for rule in RISK}


def test_every_rule_is_asked_and_kept_with_its_numbers():
    live = replace(MARKET, broker=BrokerView(problem="", is_armed=True))
    checks = assess(Case(BUY_10, EXPOSURE, LIMITS, live, NOW)).checks
    assert [check.code for check in checks] == [rule.code for rule in RULES + LIVE]
    assert {check.code for check in checks} == set(Code)
    assert all(check.value and check.limit and check.words for check in checks)


def test_a_plain_order_within_all_limits_is_approved():
    assessment = assess(Case(BUY_10, EXPOSURE, LIMITS, MARKET, NOW))
    assert assessment.approved, assessment.codes


@pytest.mark.parametrize(
    ("code", "order", "exposure", "market"),
    [
        ("GATE", {}, {}, {"global_gate": GateState.HALTED}),
        ("GATE", {}, {}, {"account_gate": None}),
        ("GATE", {}, {}, {"flag_file": True}),
        ("REDUCE_ONLY", {}, {}, {"account_gate": GateState.REDUCE_ONLY}),
        ("BOOKS", {}, {}, {"books_frozen": True}),
        ("BOOKS", {}, {}, {"books_frozen": None}),
        ("SESSION", {}, {}, {"phase": "pre_open"}),
        ("SESSION", {}, {}, {"phase": None}),
        ("TRADABLE", {}, {}, {"tradable": False}),
        ("FEED", {}, {}, {"feed_state": Liveness.STALE}),
        ("FEED", {}, {}, {"feed_state": None}),
        ("QUOTE_AGE", {"quote_at": NOW - timedelta(seconds=11)}, {}, {}),
        ("QUOTE_AGE", {"quote_at": NOW + timedelta(seconds=11)}, {}, {}),
        ("QUOTE_AGE", {"quote_at": None}, {}, {}),
        ("QUOTE_AGE", {}, {}, {"quote_state": Liveness.DEAD}),
        ("SIGNAL_AGE", {"expires_at": NOW - timedelta(seconds=1)}, {}, {}),
        ("SIGNAL_AGE", {"expires_at": None}, {}, {}),
        ("LOT", {}, {}, {"lot_size": 65}),
        ("TICK", {"price": D("1300.03")}, {}, {}),
        ("FREEZE", {"signed_quantity": 16}, {}, {"freeze_quantity": 1}),
        ("CIRCUIT_BAND", {}, {}, {"band_low": D(1310), "band_high": D(1400)}),
        ("PRICE_COLLAR", {"price": D(1330)}, {}, {}),
        ("PRICE_COLLAR", {"reference_price": None}, {}, {}),
        ("DUPLICATE", {}, {"identical_live_intents": 1}, {}),
        ("BUYING_POWER", {}, {"available_funds": D(12_999)}, {}),
        ("BUYING_POWER", {}, {"available_funds": None}, {}),
        ("PRODUCT", {"product": "NRML"}, {}, {}),
        ("PRODUCT", {"product": "CNC", "signed_quantity": -10}, {}, {}),
        ("ORDER_TYPE", {"order_type": "BRACKET"}, {}, {}),
        ("ORDER_TYPE", {"order_type": "MARKET", "price": None, "market_protection": D(0)}, {}, {}),
        ("ORDER_TYPE", {"validity": "GTC"}, {}, {}),
        ("MIS_CUTOFF", {}, {}, {"mis_cutoff_at": NOW}),
        ("MIS_CUTOFF", {}, {}, {"mis_cutoff_at": None}),
        ("ENTRY", {}, {}, {"entries_until": NOW - timedelta(minutes=1)}),
    ],
)
def test_refuses_by_code(code, order, exposure, market):
    case = replace(BUY_10, **order), replace(EXPOSURE, **exposure), LIMITS, replace(MARKET, **market), NOW
    assert refused_by(*case) == [code]


@pytest.mark.parametrize(
    ("code", "limits"),
    [
        ("ORDER_VALUE", Limits(max_order_value=D(12_999))),
        ("MAX_QTY", Limits(max_quantity=9)),
        ("POSITION", Limits(max_position=9)),
        ("MAX_GROSS", Limits(max_gross=D(12_999))),
        ("MAX_NET", Limits(max_net=D(12_999))),
        ("OPEN_ORDERS", Limits(max_open_orders=0)),
        ("ORDERS_MIN", Limits(max_orders_per_minute=0)),
        ("ORDERS_DAY", Limits(max_orders_per_day=0)),
    ],
)
@pytest.mark.parametrize("scope", ["account", "deployment"])
def test_a_limit_binds_in_the_scope_it_is_set_for(scope, code, limits):
    exposure = replace(EXPOSURE, deployment=Usage())
    refusals = assess(Case(BUY_10, exposure, replace(UNLIMITED, **{scope: limits}), MARKET, NOW)).refusals
    assert [(check.code, check.scope) for check in refusals] == [(code, scope)]


@pytest.mark.parametrize(
    ("code", "field"),
    [
        ("MAX_GROSS", "gross"),
        ("MAX_GROSS", "reserved_sells"),
        ("MAX_NET", "net"),
        ("MAX_NET", "reserved_buys"),
        ("OPEN_ORDERS", "open_orders"),
        ("ORDERS_MIN", "orders_this_minute"),
        ("ORDERS_DAY", "orders_today"),
        ("LOSS_ACCOUNT", "profit_today"),
    ],
)
def test_what_is_unknown_is_refused_and_says_so(code, field):
    blind = replace(EXPOSURE, account=replace(ACCOUNT_USAGE, **{field: None}))
    refusals = {c.code.value: c for c in assess(Case(BUY_10, blind, LIMITS, MARKET, NOW)).refusals}
    assert refusals[code].value == "unknown"
    assert refusals[code].words.endswith("is unknown")


@pytest.mark.parametrize(
    ("code", "limits", "usage"),
    [
        ("MAX_GROSS", Limits(max_gross=D(20_000)), Usage(reserved_sells=D(7_001))),
        ("MAX_GROSS", Limits(max_gross=D(20_000)), Usage(gross=D(7_001))),
        ("MAX_NET", Limits(max_net=D(20_000)), Usage(net=D(7_001))),
        ("MAX_NET", Limits(max_net=D(20_000)), Usage(reserved_buys=D(7_001))),
    ],
)
def test_what_is_held_and_what_is_reserved_both_count(code, limits, usage):
    exposure = replace(EXPOSURE, account=usage)
    assert refused_by(BUY_10, exposure, replace(UNLIMITED, account=limits), MARKET, NOW) == [code]


def test_a_buy_against_a_short_book_lowers_the_net():
    short = replace(EXPOSURE, account=Usage(net=D(-20_000), reserved_sells=D(50_000)))
    assert refused_by(BUY_10, short, replace(UNLIMITED, account=Limits(max_net=D(1))), MARKET, NOW) == []


def test_at_the_daily_loss_no_new_risk_is_taken():
    losing = replace(EXPOSURE, account=replace(ACCOUNT_USAGE, profit_today=D(-5000)))
    limits = replace(UNLIMITED, account=Limits(max_daily_loss=D(5000)))
    assert refused_by(BUY_10, losing, limits, MARKET, NOW) == ["LOSS_ACCOUNT"]


def test_an_unknown_day_is_closed_for_new_positions_and_not_for_exits():
    unknown_day = replace(MARKET, day_known=False, phase=None)
    assert refused_by(BUY_10, EXPOSURE, LIMITS, unknown_day, NOW) == ["SESSION", "DAY_KNOWN"]
    assert refused_by(SELL_10, long_of(10), LIMITS, unknown_day, NOW) == []


def test_a_refusal_says_the_right_number():
    off_lot = assess(Case(BUY_10, EXPOSURE, LIMITS, replace(MARKET, lot_size=65), NOW)).refusals[0]
    assert off_lot.words == "NSE:INFY trades in lots of 65: use 65"
    far = replace(BUY_10, price=D(1344))
    assert assess(Case(far, EXPOSURE, LIMITS, MARKET, NOW)).refusals[0].words == (
        "limit 1,344.00 is 3.4\u00a0% from last; 2.0\u00a0% allowed"
    )


def test_unconfirmed_orders_count_as_held():
    exposure = replace(EXPOSURE, account_held=HeldAndWorking(0, unconfirmed_buys=45))
    limits = replace(UNLIMITED, account=Limits(max_position=50))
    assert refused_by(BUY_10, exposure, limits, MARKET, NOW) == ["POSITION"]


def test_always_allows_getting_out_even_when_halted_blind_and_losing():
    market = replace(
        MARKET,
        global_gate=GateState.HALTED,
        flag_file=True,
        feed_state=Liveness.DEAD,
        quote_state=None,
        books_frozen=None,
    )
    exposure = replace(long_of(10), account=Usage(*[None] * len(fields(Usage))), available_funds=None)
    late = replace(SELL_10, reference_price=None, quote_at=None, expires_at=None)
    assert refused_by(late, exposure, LIMITS, market, NOW) == []


@pytest.mark.parametrize(("closable", "shrinks"), [(10, True), (11, True), (9, False), (0, False), (None, False)])
def test_an_order_shrinks_if_it_closes_no_more_than_it_may(closable, shrinks):
    assert only_shrinks(SELL_10, replace(EXPOSURE, closable=closable)) is shrinks


def test_delivery_shares_are_sold_up_to_what_may_be_closed():
    sale = replace(SELL_10, product="CNC")
    assert refused_by(sale, long_of(10), LIMITS, MARKET, NOW) == []
    assert "PRODUCT" in refused_by(sale, replace(long_of(10), closable=9), LIMITS, MARKET, NOW)


def test_an_old_band_keeps_nobody_in():
    banded = replace(MARKET, band_low=D(1), band_high=D(2))
    limit = replace(SELL_10, order_type="LIMIT", price=D(1300))
    assert refused_by(limit, long_of(10), LIMITS, banded, NOW) == []
    assert "CIRCUIT_BAND" in refused_by(limit, long_of(0), LIMITS, banded, NOW)


def test_validity_rules_bind_exits_too():
    assert refused_by(SELL_10, long_of(10), LIMITS, replace(MARKET, tick_size=D(7)), NOW) == ["TICK"]


def test_a_rule_that_breaks_refuses_and_says_what_broke():
    broken = replace(EXPOSURE, account=replace(ACCOUNT_USAGE, gross="a word"))
    checks = assess(Case(BUY_10, broken, LIMITS, MARKET, NOW)).refusals
    assert [check.code for check in checks] == ["MAX_GROSS"]
    assert checks[0].failure.startswith("InvalidOperation")


def test_a_rule_that_breaks_does_not_hold_back_an_exit():
    broken = replace(MARKET, tick_size="a word", lot_size="a word", band_low="a", band_high="b")
    assert refused_by(SELL_10, long_of(10), LIMITS, broken, NOW) == []


def test_checks_are_stored_as_json_values():
    row = assess(Case(BUY_10, EXPOSURE, LIMITS, MARKET, NOW)).checks[-1].as_dict()
    assert row["code"] == "BUYING_POWER"
    assert row["value_number"] == "13000"


quantities = st.integers(0, 60)
money = st.one_of(st.none(), st.decimals(-100_000, 100_000, places=2))
counts = st.one_of(st.none(), st.integers(0, 50))
helds = st.builds(HeldAndWorking, st.integers(-60, 60), quantities, quantities, quantities, quantities)
usages = st.builds(Usage, money, money, money, money, counts, counts, counts, money)
markets = st.builds(
    replace,
    st.just(MARKET),
    global_gate=st.sampled_from([*GateState, None]),
    account_gate=st.sampled_from([*GateState, None]),
    flag_file=st.booleans(),
    feed_state=st.sampled_from([Liveness.LIVE, Liveness.STALE, Liveness.DEAD, None]),
    quote_state=st.sampled_from([Liveness.LIVE, Liveness.STALE, Liveness.DEAD, None]),
    day_known=st.booleans(),
    books_frozen=st.sampled_from([True, False, None]),
)
exposures = st.builds(
    replace,
    st.just(EXPOSURE),
    held=helds,
    account_held=helds,
    account=usages,
    deployment=usages,
    available_funds=money,
    required_funds=money,
    closable=st.one_of(st.none(), quantities),
)
orders = st.builds(
    replace,
    st.just(BUY_10),
    signed_quantity=st.integers(-60, 60).filter(bool),
    reference_price=st.sampled_from([D(1300), D(1200), None]),
    product=st.just("MIS"),
    is_exit=st.booleans(),
)


@st.composite
def shrinking(draw):
    """An order within what may be closed, whatever else is going on."""
    sign, size = draw(st.sampled_from([1, -1])), draw(st.integers(1, 60))
    order = replace(draw(orders), signed_quantity=sign * size)
    return order, replace(draw(exposures), closable=size + draw(st.integers(0, 30)))


@given(shrinking(), markets)
def test_an_order_that_only_shrinks_is_never_refused_by_a_risk_rule(case, market):
    order, exposure = case
    assert only_shrinks(order, exposure)
    assert not RISK_CODES & set(refused_by(order, exposure, LIMITS, market, NOW))


@given(orders, exposures, markets)
def test_every_refusal_has_a_code_a_value_and_a_limit(order, exposure, market):
    for check in assess(Case(order, exposure, LIMITS, market, NOW)).refusals:
        assert check.code
        assert check.value
        assert check.limit
        assert check.words


def worse(value, by):
    return None if value is None else value + by


@given(orders, exposures, st.data())
def test_more_exposure_never_turns_a_refusal_into_an_approval(order, exposure, data):
    more = [data.draw(st.integers(0, 40)) for _ in range(6)]
    sign = order.sign
    heavier = replace(
        exposure,
        held=_heavier_held(exposure.held, sign, more),
        account_held=_heavier_held(exposure.account_held, sign, more),
        account=_heavier_usage(exposure.account, sign, more),
        deployment=_heavier_usage(exposure.deployment, sign, more),
    )
    before = assess(Case(order, exposure, LIMITS, MARKET, NOW))
    after = assess(Case(order, heavier, LIMITS, MARKET, NOW))
    assert set(before.codes) <= set(after.codes)


def _heavier_held(held, sign, more):
    """Further in the order's direction: a larger position that way, and more out on both sides."""
    return HeldAndWorking(
        worse(held.position, sign * more[0]),
        held.working_buys + more[1],
        held.working_sells + more[2],
        held.unconfirmed_buys + more[3],
        held.unconfirmed_sells + more[4],
    )


def _heavier_usage(usage, sign, more):
    return Usage(
        worse(usage.gross, more[0]),
        worse(usage.net, sign * more[1]),
        worse(usage.reserved_buys, more[2]),
        worse(usage.reserved_sells, more[3]),
        worse(usage.open_orders, more[4]),
        worse(usage.orders_this_minute, more[5]),
        worse(usage.orders_today, more[5]),
        worse(usage.profit_today, -more[0]),
    )


@given(orders, exposures, markets, st.sampled_from([f.name for f in fields(Usage)]))
def test_not_knowing_never_turns_a_refusal_into_an_approval(order, exposure, market, field):
    blind = replace(exposure, account=replace(exposure.account, **{field: None}))
    before = set(refused_by(order, exposure, LIMITS, market, NOW))
    assert before <= set(refused_by(order, blind, LIMITS, market, NOW))


def test_no_code_is_both_a_validity_and_a_risk_rule():
    assert not {rule.code for rule in VALIDITY} & {rule.code for rule in RISK}


def test_a_sell_limit_is_valued_at_the_dearer_of_limit_and_last():
    assert replace(SELL_10, price=D(1290)).value == Decimal(13_000)
    assert replace(SELL_10, price=D(1310)).value == Decimal(13_100)


def test_a_market_buy_is_valued_with_its_protection():
    order = replace(BUY_10, order_type="MARKET", price=None, market_protection=D(2), ask=D(1301))
    assert order.value == D("13270.2")


@pytest.mark.parametrize(
    ("problem", "is_armed", "codes"), [("", True, []), ("nobody is logged in", False, ["BROKER", "ARMED"])]
)
def test_new_risk_of_a_live_account_needs_its_broker_and_a_persons_word(problem, is_armed, codes):
    live = replace(MARKET, broker=BrokerView(problem, is_armed))
    assert assess(Case(BUY_10, EXPOSURE, LIMITS, live, NOW)).codes == tuple(codes)
    assert assess(Case(SELL_10, long_of(10), LIMITS, live, NOW)).approved
