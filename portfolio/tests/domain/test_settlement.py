"""What an expired contract is worth, and by which day one on a share has to be left."""

from datetime import date
from decimal import Decimal

import pytest

from portfolio.domain.settlement import leave_by_day, settlement_value

D = Decimal
# Mon 16 to Tue 1 Dec 2026; Tue 24 Nov is a holiday.
DAYS = [date(2026, 11, day) for day in (16, 17, 18, 19, 20, 23, 25, 26, 27, 30)] + [date(2026, 12, 1)]


@pytest.mark.parametrize(
    ("kind", "strike", "final", "value"),
    [
        ("CE", "25000", "25120.35", "120.35"),
        ("CE", "25000", "25000", "0"),
        ("CE", "25000", "24880", "0"),
        ("PE", "25000", "24880.10", "119.90"),
        ("PE", "25000", "25120.35", "0"),
    ],
)
def test_an_expired_option_is_worth_what_it_is_in_the_money(kind, strike, final, value):
    assert settlement_value(kind, D(strike), D(final)) == D(value)


def test_an_expired_future_is_worth_the_final_price():
    assert settlement_value("FUT", None, D("25120.35")) == D("25120.35")


@pytest.mark.parametrize(("kind", "strike"), [("EQ", None), ("CE", None)])
def test_what_does_not_expire_has_no_settlement_value(kind, strike):
    with pytest.raises(ValueError, match=r"does not expire"):
        settlement_value(kind, strike, D(100))


@pytest.mark.parametrize(("today", "is_named"), [(23, False), (25, True), (26, True), (27, True), (30, True)])
def test_a_derivative_on_a_share_is_named_from_four_trading_days_before_its_expiry(today, is_named):
    assert bool(leave_by_day(date(2026, 12, 1), date(2026, 11, today), DAYS)) is is_named


@pytest.mark.parametrize(("today", "leave_by"), [(25, 27), (27, 27), (30, 30)])
def test_it_is_to_be_left_by_the_trading_day_before_it_expires_or_now(today, leave_by):
    assert leave_by_day(date(2026, 11, 30), date(2026, 11, today), DAYS) == date(2026, 11, leave_by)


def test_an_expired_contract_is_past_leaving():
    assert leave_by_day(date(2026, 11, 30), date(2026, 12, 1), DAYS) is None


def test_with_days_unknown_it_is_named_too_early_and_never_too_late():
    assert leave_by_day(date(2026, 11, 30), date(2026, 11, 18), []) == date(2026, 11, 18)
