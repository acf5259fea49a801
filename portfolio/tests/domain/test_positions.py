"""First in, first out: against a second, slower model, and the sums that must hold whatever is traded."""

from collections import deque
from decimal import Decimal

from hypothesis import given, settings
from hypothesis import strategies as st

from portfolio.domain.positions import (
    FLAT,
    AdjustedLot,
    Adjustment,
    Lot,
    Position,
    Trade,
    adjust_position,
    fold_trade,
    fold_trades,
)

D = Decimal
PRICES = st.decimals("0.05", "5000", places=2)
DEALS = st.lists(
    st.builds(Trade, st.integers(-20, 20).filter(bool), PRICES, st.uuids()), max_size=30, unique_by=lambda d: d.ref
)


def bought(quantity: int, price: str) -> Trade:
    return Trade(quantity, D(price))


def sold(quantity: int, price: str) -> Trade:
    return Trade(-quantity, D(price))


def reference(deals: list[Trade]) -> tuple[list[tuple[int, Decimal]], Decimal]:
    """One share at a time: a queue of single shares, each with its price and sign."""
    shares: deque[tuple[int, Decimal]] = deque()
    realised = D(0)
    for deal in deals:
        sign = 1 if deal.signed_quantity > 0 else -1
        for _ in range(abs(deal.signed_quantity)):
            if shares and shares[0][0] != sign:
                held, price = shares.popleft()
                realised += held * (deal.price - price)
            else:
                shares.append((sign, deal.price))
    return list(shares), realised


def single_shares(position: Position) -> list[tuple[int, Decimal]]:
    return [share for lot in position.lots for share in abs(lot.signed_quantity) * [(sign(lot), lot.price)]]


def sign(lot: Lot) -> int:
    return 1 if lot.signed_quantity > 0 else -1


def test_selling_more_than_is_held_turns_the_position_short() -> None:
    position = fold_trades([bought(10, "100"), sold(15, "110")])
    assert position.lots == (Lot(-5, D(110)),)
    assert position.realised == D(100)


def test_the_oldest_lot_closes_first() -> None:
    position = fold_trades([bought(10, "100"), bought(10, "120"), sold(15, "130")])
    assert position.lots == (Lot(5, D(120)),)
    assert position.realised == D(10 * 30 + 5 * 10)


def test_a_short_makes_money_when_the_price_falls() -> None:
    position = fold_trades([sold(10, "100"), bought(4, "90")])
    assert (position.quantity, position.realised, position.unrealised(D(95))) == (-6, D(40), D(30))


def test_nothing_held_has_no_average_price() -> None:
    assert fold_trades([bought(10, "100"), sold(10, "100")]).average_price is None
    assert FLAT.average_price is None


def test_closing_across_zero_is_one_closing_and_one_new_lot() -> None:
    position = fold_trades([Trade(50, D(100), "a"), Trade(-80, D(110), "b")])
    assert [(c.opened_by, c.closed_by, c.signed_quantity, c.realised) for c in position.realisations] == [
        ("a", "b", 50, D(500))
    ]
    assert position.lots == (Lot(-30, D(110), "b"),)


@given(DEALS)
@settings(max_examples=200)
def test_equals_a_queue_of_single_shares(deals: list[Trade]) -> None:
    position = fold_trades(deals)
    assert (single_shares(position), position.realised) == reference(deals)


@given(DEALS, PRICES)
@settings(max_examples=200)
def test_profit_is_what_came_in_less_what_went_out(deals: list[Trade], mark: Decimal) -> None:
    position = fold_trades(deals)
    cash = -sum(deal.signed_quantity * deal.price for deal in deals)
    assert position.realised + position.unrealised(mark) == cash + position.quantity * mark


@given(DEALS)
@settings(max_examples=200)
def test_quantity_is_the_sum_of_the_trades_and_lots_have_one_sign(deals: list[Trade]) -> None:
    position = fold_trades(deals)
    assert position.quantity == sum(deal.signed_quantity for deal in deals)
    assert len({lot.signed_quantity > 0 for lot in position.lots}) <= 1
    assert all(lot.signed_quantity for lot in position.lots)


@given(DEALS)
@settings(max_examples=200)
def test_the_average_lies_within_the_open_lots(deals: list[Trade]) -> None:
    position = fold_trades(deals)
    prices = [lot.price for lot in position.lots]
    assert position.average_price is None if not prices else min(prices) <= position.average_price <= max(prices)


@given(DEALS)
@settings(max_examples=200)
def test_closings_account_for_all_that_was_realised(deals: list[Trade]) -> None:
    position = fold_trades(deals)
    assert sum((closing.realised for closing in position.realisations), D(0)) == position.realised


@given(DEALS, DEALS)
@settings(max_examples=100)
def test_booking_on_from_what_stands_equals_booking_from_the_start(before: list[Trade], after: list[Trade]) -> None:
    standing = fold_trades(before)
    went_on = fold_trades(after, Position(standing.lots, standing.realised))
    assert (went_on.lots, went_on.realised) == (fold_trades(before + after).lots, fold_trades(before + after).realised)


@given(st.integers(1, 50), PRICES)
def test_a_position_is_opened_when_it_leaves_zero(quantity: int, price: Decimal) -> None:
    opened = fold_trade(FLAT, Trade(quantity, price, "a"))
    assert opened.quantity == quantity
    assert fold_trade(opened, Trade(-quantity, price, "b")).lots == ()


def test_a_short_closed_at_its_own_price_realises_zero_and_not_minus_zero() -> None:
    position = fold_trades([Trade(-1, Decimal("0.05")), Trade(1, Decimal("0.05"))])
    assert str(position.realisations[0].realised) == "0.00"


def held(*lots: tuple[int, str]) -> Position:
    return Position(tuple(Lot(quantity, D(price), number) for number, (quantity, price) in enumerate(lots)))


def shape(position: Position) -> list[tuple[int, str]]:
    return [(lot.signed_quantity, str(lot.price)) for lot in position.lots]


def test_a_split_makes_more_shares_of_every_lot_at_what_it_cost():
    split = adjust_position(held((10, "1500"), (20, "1400")), Adjustment(1, 5, "split"))
    assert shape(split) == [(50, "300.0000"), (100, "280.0000")]
    assert (split.realised, split.realisations) == (0, ())


def test_a_cost_that_does_not_divide_is_spread_over_two_neighbouring_prices_to_the_last_paisa():
    split = adjust_position(held((10, "100")), Adjustment(2, 3, "bonus"))
    assert shape(split) == [(5, "66.6666"), (10, "66.6667")]
    assert split.open_value == 1000


def test_fractions_of_the_whole_position_lapse_and_not_of_each_lot():
    bonus = adjust_position(held((3, "100"), (3, "100"), (1, "100")), Adjustment(2, 3, "bonus"))
    assert (bonus.quantity, bonus.open_value) == (10, 700)


def test_a_short_position_is_adjusted_alike():
    split = adjust_position(held((-10, "1500")), Adjustment(1, 5, "split"))
    assert shape(split) == [(-50, "300.0000")]


def test_a_lot_made_by_a_split_is_named_by_what_it_was():
    split = adjust_position(held((10, "100")), Adjustment(2, 3, "bonus"))
    again = adjust_position(split, Adjustment(1, 2, "split"))
    assert again.lots[-1].opened_by == AdjustedLot(AdjustedLot(0, "bonus", 1), "split", 1)


@given(
    st.lists(st.tuples(st.integers(1, 500), st.decimals("0.05", "90000", places=2)), min_size=1, max_size=8),
    st.integers(1, 10),
    st.integers(1, 90),
)
def test_an_adjustment_keeps_the_cost_and_gives_what_the_ratio_says(lots, held_shares, more):
    before = Position(tuple(Lot(quantity, price, n) for n, (quantity, price) in enumerate(lots)))
    ratio = Adjustment(held_shares, held_shares + more, "split")
    after = adjust_position(before, ratio)
    assert after.open_value == before.open_value
    assert after.quantity == before.quantity * ratio.becomes // ratio.held
    assert all(lot.signed_quantity > 0 and lot.price > 0 for lot in after.lots)
