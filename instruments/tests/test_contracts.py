from datetime import date
from decimal import Decimal

import pytest

from instruments.domain.contracts import (
    SecurityClass,
    describe_contract,
    is_expired,
    is_whole_lots,
    largest_order,
    security_class_of,
    split_key,
    token_of,
)


def test_a_token_is_the_exchange_token_and_the_byte_of_its_segment():
    assert token_of(1594, "NSE", "NSE") == 408065
    assert token_of(1001, "NSE", "INDICES") == 256265
    assert token_of(58072, "NFO", "NFO-FUT") == 14866434


def test_a_key_is_split_at_its_first_colon():
    assert split_key("NSE:NIFTY 50") == ("NSE", "NIFTY 50")


@pytest.mark.parametrize("key", ["", "INFY", ":INFY", "NSE:", ":"])
def test_a_key_without_both_halves_is_refused(key):
    with pytest.raises(ValueError, match="EXCHANGE:SYMBOL"):
        split_key(key)


@pytest.mark.parametrize(
    ("segment", "kind", "has_derivatives", "expected"),
    [
        ("NSE", "EQ", False, SecurityClass.EQUITY),
        ("NSE", "EQ", True, SecurityClass.EQUITY_FNO),
        ("INDICES", "EQ", False, SecurityClass.INDEX),
        ("NFO-FUT", "FUT", False, SecurityClass.DERIVATIVE),
        ("BFO-OPT", "PE", False, SecurityClass.DERIVATIVE),
    ],
)
def test_securities_of_one_class_keep_the_same_hours(segment, kind, has_derivatives, expected):
    assert security_class_of(segment, kind, has_derivatives) == expected


def test_the_largest_order_is_the_largest_multiple_of_the_lot_within_the_freeze_quantity():
    assert largest_order(1800, 65) == 1755


def test_an_index_has_no_lots():
    assert not is_whole_lots(1, 0)
    assert is_whole_lots(130, 65)
    assert not is_whole_lots(100, 65)


def test_a_contract_lives_through_its_expiry_day():
    assert not is_expired(date(2026, 8, 25), date(2026, 8, 25))
    assert is_expired(date(2026, 8, 25), date(2026, 8, 26))
    assert not is_expired(None, date(2026, 8, 26))


def test_a_contract_is_described_in_words():
    words = describe_contract("NIFTY26AUG25000CE", date(2026, 8, 25), Decimal("25000.0000"), "CE")
    assert words == "NIFTY26AUG25000CE: 25000 CE, 25 Aug 2026"
