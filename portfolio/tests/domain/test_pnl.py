"""Unknown is not zero: a part that is unknown makes the whole unknown."""

from decimal import Decimal

import pytest

from portfolio.domain.pnl import DayResult, known_total, least_known, unrealised_profit

D = Decimal


@pytest.mark.parametrize(
    ("quantity", "open_value", "mark", "profit"),
    [(10, 1000, 105, 50), (-10, -1000, 105, -50), (0, 0, None, 0), (10, 1000, None, None)],
)
def test_open_profit_needs_a_price_only_if_something_is_open(
    quantity: int, open_value: int, mark: int | None, profit: int | None
) -> None:
    assert unrealised_profit(quantity, D(open_value), None if mark is None else D(mark)) == profit


@pytest.mark.parametrize(("parts", "total"), [([], 0), ([D(1), D(2)], 3), ([D(1), None], None)])
def test_a_total_is_known_if_all_its_parts_are(parts: list[Decimal | None], total: int | None) -> None:
    assert known_total(parts) == total


@pytest.mark.parametrize(("figures", "least"), [([None, D(3), D(-1)], -1), ([None], None), ([], None)])
def test_the_least_of_what_is_known(figures: list[Decimal | None], least: int | None) -> None:
    assert least_known(figures) == least


@pytest.mark.parametrize(
    ("result", "net"),
    [
        (DayResult(D(100), D(-30), D(20)), 50),
        (DayResult(D(100), None, D(20)), None),
        (DayResult(D(100), D(-30), None), None),
    ],
)
def test_a_days_net_is_realised_and_open_less_charges(result: DayResult, net: int | None) -> None:
    assert result.net == net


def test_two_results_together_keep_what_is_unknown() -> None:
    together = DayResult(D(1), D(2), D(3)) + DayResult(D(10), None, D(30))
    assert (together.realised, together.open, together.charges, together.net) == (D(11), None, D(33), None)
