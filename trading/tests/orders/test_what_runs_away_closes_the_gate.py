"""What a live account's pace may be, and in which words more than that closes its gate."""

from decimal import Decimal

import pytest

from trading.models import RiskLimit
from trading.orders.breaker import Pace, why_tripped

LIMITS = RiskLimit(max_refusals_minute=2, max_round_trips_minute=3, max_turnover_day=Decimal(100_000))


@pytest.mark.parametrize(
    ("pace", "words"),
    [
        (Pace(2, 3, Decimal(100_000)), ""),
        (Pace(3, 0, Decimal(0)), "3 orders refused within a minute; 2 allowed"),
        (Pace(0, 4, Decimal(0)), "4 positions opened and closed within a minute; 3 allowed"),
        (Pace(0, 0, Decimal(100_001)), "₹1,00,001.00 traded today; ₹1,00,000.00 allowed"),
    ],
)
def test_a_limit_is_what_is_still_allowed(pace, words):
    assert why_tripped(pace, LIMITS) == words


def test_turnover_without_a_limit_trips_nothing():
    assert why_tripped(Pace(0, 0, Decimal(10**12)), RiskLimit(max_turnover_day=None)) == ""
