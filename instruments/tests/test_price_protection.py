"""How far an order at market goes, and which limits the exchange takes: kite.md 5.3b."""

from datetime import date
from decimal import Decimal

import pytest

from instruments.domain.price_protection import limit_range, outside_limit_range, protected_price, slab_percent

D = Decimal
DAY = date(2026, 11, 23)


@pytest.mark.parametrize(
    ("segment", "last", "percent"),
    [
        ("NSE", "99.95", "2"),
        ("NSE", "100", "1"),
        ("BSE", "499.95", "1"),
        ("NSE", "1484", "0.5"),
        ("NFO-FUT", "24000", "0.5"),
        ("NFO-OPT", "2", "5"),
        ("NFO-OPT", "10", "3"),
        ("BFO-OPT", "100", "2"),
        ("NFO-OPT", "500", "1"),
    ],
)
def test_automatic_protection_is_the_brokers_slab(segment, last, percent):
    assert slab_percent(segment, D(last), DAY) == D(percent)


@pytest.mark.parametrize(
    ("last", "sign", "percent", "tick", "price"),
    [
        ("1484", -1, "0.5", "0.10", "1476.50"),  # 1476.58, away from last
        ("1484", 1, "0.5", "0.10", "1491.50"),  # 1491.42
        ("2", -1, "5", "0.05", "1.90"),
        ("0.05", -1, "5", "0.05", "0.05"),  # never nothing
    ],
)
def test_the_protected_price_is_rounded_away_from_last(last, sign, percent, tick, price):
    assert protected_price(D(last), sign, D(percent), D(tick)) == D(price)


@pytest.mark.parametrize(
    ("segment", "reference", "allowed"),
    [
        ("NFO-OPT", "100", ("60", "140")),
        ("NFO-OPT", "50", ("30", "70")),
        ("NFO-OPT", "12", ("0", "32")),
        ("NFO-FUT", "1000", ("970", "1030")),
        ("NSE", "1000", None),
    ],
)
def test_the_exchanges_limit_range(segment, reference, allowed):
    assert limit_range(segment, D(reference), DAY) == (allowed and tuple(map(D, allowed)))


@pytest.mark.parametrize(
    ("price", "sign", "outside"), [("141", 1, True), ("141", -1, False), ("59", -1, True), ("59", 1, False)]
)
def test_only_the_far_side_of_the_range_is_rejected(price, sign, outside):
    assert outside_limit_range(D(price), sign, (D(60), D(140))) is outside
    assert not outside_limit_range(D(price), sign, None)
