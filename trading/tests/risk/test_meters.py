"""A meter says what is used, reserved and left, and never shows the unknown as zero."""

from datetime import timedelta

import pytest

from alphapanda.core import figures
from trading.risk.inputs import Limits, Usage
from trading.risk.meters import scope_meters
from trading.tests.risk.risk_cases import D

LIMITS = Limits(max_gross=D(1_250_000), max_net=D(100), max_daily_loss=D(5_000))


def meter(code, usage):
    return {m.code.value: m for m in scope_meters("account", usage, LIMITS)}[code]


def test_reserved_is_kept_apart_from_used():
    gross = meter("MAX_GROSS", Usage(gross=D(900_000), reserved_buys=D(115_000)))
    assert (gross.used, gross.reserved, gross.left) == (D(900_000), D(115_000), D(235_000))
    assert gross.left_words == "₹2.35\u00a0L left"
    assert gross.level == "near"


@pytest.mark.parametrize(("loss", "level"), [(3999, "ok"), (4000, "near"), (4999, "near"), (5000, "full")])
def test_the_warning_line_is_at_80_percent(loss, level):
    assert meter("LOSS_ACCOUNT", Usage(profit_today=D(-loss))).level == level


def test_a_limit_passed_says_by_how_much():
    assert meter("LOSS_ACCOUNT", Usage(profit_today=D(-5120))).left_words == "₹120.00 over"


def test_an_unknown_figure_is_unknown():
    unknown = meter("LOSS_ACCOUNT", Usage(profit_today=None))
    assert (unknown.level, unknown.used, unknown.used_words) == ("unknown", None, "unknown")


def test_without_a_limit_there_is_nothing_left_to_show():
    assert meter("OPEN_ORDERS", Usage(open_orders=3)).level == "unlimited"


def test_net_reserves_the_worse_direction():
    net = meter("MAX_NET", Usage(net=D(10), reserved_buys=D(5), reserved_sells=D(50)))
    assert (net.used, net.reserved) == (D(10), D(30))


@pytest.mark.parametrize(
    ("value", "places", "words"),
    [
        (0, 0, "0"),
        (999, 0, "999"),
        (100000, 0, "1,00,000"),
        (123456789, 0, "12,34,56,789"),
        (D("-1069.206"), 2, "−1,069.21"),
        (D("-0.001"), 2, "0.00"),
        (D("1298"), 2, "1,298.00"),
    ],
)
def test_grouping_is_indian(value, places, words):
    assert figures.grouped(value, places) == words


def test_money_is_short_from_a_lakh():
    shown = [figures.money_words(D(n)) for n in ("-1069.21", "1015000", "24000000")]
    assert shown == ["−₹1,069.21", "₹10.15\u00a0L", "₹2.40\u00a0Cr"]


@pytest.mark.parametrize(
    ("seconds", "words"), [(0.4, "0.4 s"), (14.2, "14 s"), (120, "2 min"), (7200, "2 h"), (-6, "−6.0 s")]
)
def test_ages_get_coarser(seconds, words):
    assert figures.age_of(timedelta(seconds=seconds)) == words
