"""Figures of a backtest: pure, against what a person works out by hand, and against a plain second way."""

from datetime import date, datetime, timedelta
from decimal import Decimal

import pytest
from hypothesis import given
from hypothesis import strategies as st

from alphapanda.core.timezone import IST
from trading.lab.report import refusal_words
from trading.lab.result import DayEnd, PerTrade, deepest_fall, exposure, figures_of, needs_ticks
from trading.lab.round_trips import RoundTrip
from trading.lab.tables import TRADE_COLUMNS, month_rows, trade_rows

D = Decimal
MONDAY = date(2025, 3, 3)
CAPITAL = D(1000)


def session(day):
    return tuple(datetime.combine(day, datetime.min.time(), IST) + timedelta(hours=hour) for hour in (9, 15))


def days(*equities, costs=None, unknown=()):
    return [
        DayEnd(MONDAY + timedelta(nth), None if one is None else D(one), (costs or {}).get(nth, {}), nth in unknown,
               session(MONDAY + timedelta(nth)))
        for nth, one in enumerate(equities)
    ]  # fmt: skip


def trip(day=0, begins=10, ends=11, gross="0", charges="0", reason="by the script"):
    at = datetime.combine(MONDAY + timedelta(day), datetime.min.time(), IST)
    return RoundTrip(
        "run", "NSE:INFY", "BUY", 10, at + timedelta(hours=begins), D(100), "low",
        None if ends is None else at + timedelta(hours=ends), D(100), reason,
        None if gross is None else D(gross), None if charges is None else D(charges),
    )  # fmt: skip


def test_net_is_what_equity_changed_by_and_gross_is_before_charges():
    made = figures_of(CAPITAL, days("1010", "990", costs={0: {"gst": D(3)}, 1: {"gst": D(2), "brokerage": D(5)}}), [])
    assert (made.net, made.gross, made.charges) == (D(-10), D(0), {"gst": D(5), "brokerage": D(5)})
    assert made.by_month == {"2025-03": {3: D(10), 4: D(-20)}}


def test_a_day_without_a_rate_leaves_no_net_and_says_so():
    made = figures_of(CAPITAL, days("1010", "990", unknown=[1]), [])
    assert (made.net, made.unknown) == (None, ["charges unknown: no rate is on file for trades of 2025-03-04 (1 day)"])


def test_a_day_without_a_price_counts_into_the_next_that_has_one():
    made = figures_of(CAPITAL, days("1010", None, "1005"), [])
    assert made.by_month == {"2025-03": {3: D(10), 5: D(-5)}}
    assert made.net is None


def test_the_deepest_fall_is_from_its_own_height_and_is_made_good_at_it():
    fall = deepest_fall(CAPITAL, days("1100", "1050", "1200", "1000", "1100", "1200", "1190"))
    assert (fall.rupees, fall.percent, fall.since, fall.lowest_on, fall.days) == (
        D(200), D("16.67"), date(2025, 3, 5), date(2025, 3, 6), 3,
    )  # fmt: skip


def test_a_fall_from_the_capital_counts_from_the_first_day():
    fall = deepest_fall(CAPITAL, days("900", "950"))
    assert (fall.rupees, fall.since, fall.days) == (D(100), MONDAY, None)


def test_what_never_fell_has_no_fall():
    assert deepest_fall(CAPITAL, days("1000", "1001")) is None


@given(st.lists(st.integers(1, 2000), min_size=1, max_size=30))
def test_the_deepest_fall_is_the_largest_of_all_pairs(equities):
    pairs = [CAPITAL, *map(D, equities)]
    largest = max(high - low for nth, high in enumerate(pairs) for low in pairs[nth:])
    found = deepest_fall(CAPITAL, days(*equities))
    assert (found.rupees if found else D(0)) == largest


@given(st.lists(st.integers(500, 1500), min_size=1, max_size=40))
def test_the_days_of_all_months_add_up_to_the_net(equities):
    made = figures_of(CAPITAL, days(*equities), [])
    assert sum(net for month in made.by_month.values() for net in month.values()) == made.net


def test_time_held_counts_once_and_only_within_sessions():
    trips = [trip(0, 10, 12), trip(0, 11, 13), trip(1, 8, 10)]  # the third began before the session
    assert exposure(days("1000", "1000"), trips) == D("33.33")  # 3 and 1 of 12 hours
    assert exposure(days("1000", "1000"), [trip(0, 14, None)]) == D("58.33")  # the rest of both days
    assert exposure([], []) is None


def test_the_worst_days_say_the_trade_that_lost_most():
    lost = [trip(1, gross="-30", charges="1", reason="stop"), trip(1, gross="-5", charges="1", reason="flat by")]
    made = figures_of(CAPITAL, days("1010", "970", "960", "990"), [*lost, trip(0, gross="10", charges="1")])
    assert [(day["net"], day["reason"]) for day in made.worst_days] == [
        (D(-40), "BUY 10 NSE:INFY: stop (−₹31.00); 2 trades"),
        (D(-10), "what was held over the day fell"),
    ]


def test_trades_won_and_left_open_are_counted():
    made = figures_of(
        CAPITAL, days("1000"), [trip(gross="5"), trip(gross="1", charges="2"), trip(ends=None, gross=None)]
    )
    assert (made.trades, made.winners, made.open_trades) == (2, 1, 1)


def test_wins_and_losses_are_averaged_after_charges_and_open_or_even_trades_are_neither():
    nets = [("30", "10"), ("50", "10"), ("-20", "10"), ("5", "5")]
    made = figures_of(
        CAPITAL, days("1000"), [*(trip(gross=gross, charges=paid) for gross, paid in nets), trip(ends=None)]
    )
    assert made.per_trade == PerTrade(D("50.00"), D("30.00"), D("-30.00"), D("2.00"))


def test_without_a_loss_there_is_no_profit_factor_and_without_a_rate_nothing():
    assert figures_of(CAPITAL, days("1"), [trip(gross="5")]).per_trade == PerTrade(D("100.00"), D("5.00"), None, None)
    assert figures_of(CAPITAL, days("1"), [trip(gross="5"), trip(gross="5", charges=None)]).per_trade == PerTrade()
    assert figures_of(CAPITAL, days("1"), []).per_trade == PerTrade()


def test_charges_are_summed_unless_one_is_unknown():
    costs = {0: {"gst": D(3)}, 1: {"gst": D(2), "brokerage": D(5)}}
    assert figures_of(CAPITAL, days("1", "1", costs=costs), []).total_charges == D(10)
    assert figures_of(CAPITAL, days("1", "1", costs=costs, unknown=[1]), []).total_charges is None


def test_a_text_that_begins_like_a_formula_is_none_in_a_spreadsheet_and_a_loss_stays_a_number():
    trade = dict.fromkeys(TRADE_COLUMNS, None) | {"net": "-5.00", "quantity": -3}
    made = [trade | {"entry_reason": f"{begins}cmd()", "exit_reason": "stop"} for begins in "=+-@"]
    _, *rows = trade_rows({"round_trips": made})
    told = [dict(zip(TRADE_COLUMNS, row, strict=True)) for row in rows]
    assert [one["entry_reason"] for one in told] == ["'=cmd()", "'+cmd()", "'-cmd()", "'@cmd()"]
    assert {(one["net"], one["quantity"], one["exit_reason"], one["exited_at"]) for one in told} == {
        ("-5.00", "-3", "stop", "")
    }


def test_a_months_row_holds_its_days_and_their_sum():
    heading, row = month_rows({"by_month": {"2025-03": {"3": "10.50", "4": "-20.00"}}})
    assert (heading[0], heading[3], row[0], row[3:5], row[-1]) == (
        "month",
        "3",
        "2025-03",
        ["10.50", "-20.00"],
        "-9.50",
    )


@pytest.mark.parametrize(("code", "count", "words"), [
    ("MIS_CUTOFF", 9, "Intraday cut-off (MIS_CUTOFF) 9 times"), ("OWN", 1, "OWN once"),
])  # fmt: skip
def test_a_refusal_is_told_by_its_rules_name(code, count, words):
    assert refusal_words(code, count) == words


@pytest.mark.parametrize(
    ("worse", "better", "asks"),
    [("-100", "-91", False), ("-100", "-89", True), ("100", "100", False), ("-5", "5", True), ("0", "0", False)],
)
def test_more_than_a_tenth_between_worse_and_better_needs_ticks(worse, better, asks):
    assert bool(needs_ticks(D(worse), D(better))) == asks


def test_nothing_is_asked_where_a_net_is_not_known():
    assert needs_ticks(None, D(1)) == ""
