"""How many: whole lots only, and words when not one fits."""

from hypothesis import given
from hypothesis import strategies as st

from trading.run.sizing import ByCapital, ByLots, ByRisk, cut_to_value
from trading.tests.strategies.market_day import D

prices = st.decimals("1", "99999", places=2)
amounts = st.decimals("1", "99999999", places=2)
lots = st.integers(1, 1000)


def test_lots_are_lots():
    assert ByLots(2).size(D(200), D(190), 65).quantity == 130


def test_capital_buys_whole_lots_only():
    assert ByCapital(D(50_000)).size(D("152.40"), D(150), 65).quantity == 65 * 5


def test_capital_too_small_says_the_price_of_a_lot():
    size = ByCapital(D(1_00_000)).size(D("1512.40"), D(1500), 400)
    words = "one lot is 400 × 1,512.40 = ₹6,04,960.00, capital ₹1,00,000.00: too little for one lot"
    assert (size.quantity, size.reason.text) == (0, words)


def test_risk_counts_what_the_stop_loses():
    assert ByRisk(D(2_000)).size(D(200), D(190), 65).quantity == 65 * 3


def test_risk_with_a_near_stop_is_bounded_by_capital():
    assert ByRisk(D(2_000), capital=D(1_00_000)).size(D(200), D("199.95"), 1).quantity == 500


def test_risk_cannot_be_sized_with_the_stop_on_the_price():
    assert ByRisk(D(2_000)).size(D(200), D(200), 1).reason.code == "too_small"


@given(amounts, prices, prices, lots)
def test_capital_is_never_exceeded_and_one_more_lot_would(capital, price, stop, lot):
    quantity = ByCapital(capital).size(price, stop, lot).quantity
    assert quantity % lot == 0
    assert quantity * price <= capital < (quantity + lot) * price


@given(amounts, prices, prices, lots)
def test_the_loss_to_the_stop_is_never_more_than_the_risk(risk, price, stop, lot):
    quantity = ByRisk(risk).size(price, stop, lot).quantity
    assert quantity * abs(price - stop) <= risk


def test_an_order_is_cut_to_the_lots_that_its_cap_has():
    assert cut_to_value(ByLots(4).size(D(200), D(190), 65), D(200), 65, D(26_000)).quantity == 130
    assert cut_to_value(ByLots(2).size(D(200), D(190), 65), D(200), 65, D(26_000)).quantity == 130
    assert cut_to_value(ByLots(4).size(D(200), D(190), 65), D(200), 65, None).quantity == 260


def test_a_cap_under_one_lot_says_so():
    cut = cut_to_value(ByLots(1).size(D(200), D(190), 65), D(200), 65, D(12_999))
    words = "one lot may cost ₹13,000.00, an order at most ₹12,999.00"
    assert (cut.quantity, cut.reason.text, cut.reason.code) == (0, words, "too_small")
