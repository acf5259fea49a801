"""Indian grouping, true minus, explicit signs, and unknown as a word."""

from datetime import timedelta
from decimal import Decimal

import pytest

from alphapanda.core.figures import gap, plain, profit, short_rupees, signed, signed_whole, took


@pytest.mark.parametrize(
    ("value", "written"),
    [("0", "0.00"), ("1234567.8", "12,34,567.80"), ("-1069.21", "−1,069.21"), (None, "unknown"), ("NaN", "unknown")],
)
def test_prices_have_no_sign_above_zero(value: str | None, written: str) -> None:
    assert plain(value) == written


@pytest.mark.parametrize(("value", "written"), [("7241.22", "+7,241.22"), ("0", "0.00"), ("-0.004", "0.00")])
def test_profits_carry_a_sign_and_zero_none(value: str, written: str) -> None:
    assert signed(value) == written


def test_a_figure_of_any_size_is_written_to_its_last_paisa() -> None:
    assert plain("-1234567890123456789012345678901234.565") == "−1,23,45,67,89,01,23,45,67,89,01,23,45,67,89,01,234.57"
    assert plain("1e30", 0) == "10" + ",00" * 13 + ",000"


def test_sign_then_rupee_then_figure() -> None:
    assert profit(Decimal("-1069.21")) == "−₹1,069.21"


def test_quantities_are_whole() -> None:
    assert signed_whole(-300) == "−300"


@pytest.mark.parametrize(
    ("value", "written"),
    [(99_999, "₹99,999"), (10_15_000, "₹10.15\u00a0L"), (-2_40_00_000, "−₹2.40\u00a0Cr"), (None, "unknown")],
)
def test_sentences_use_lakh_and_crore(value: int | None, written: str) -> None:
    assert short_rupees(value) == written


def test_gaps_are_in_milliseconds_until_ten_seconds() -> None:
    assert gap(timedelta(milliseconds=1025)) == "+1,025\u00a0ms"
    assert gap(timedelta(seconds=12)) == "+12 s"


def test_a_duration_in_a_sentence() -> None:
    assert took(timedelta(milliseconds=29)) == "29\u00a0ms"
    assert took(timedelta(seconds=1.19)) == "1.19\u00a0s"
