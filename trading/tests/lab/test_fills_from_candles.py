"""What a candle says of a fill, and no more: through the real host, gate, exits and matcher."""

from datetime import date, timedelta
from decimal import Decimal

import numpy as np
import pytest

from trading.lab.bar_path import BadFillTerms, FillTerms
from trading.tests.lab.plays import CERTAIN, bars_of, play, scripted

MONDAY = date(2026, 11, 23)


def flat(*clocks, price="100", volume=10_000):
    return [(clock, price, price, price, price, volume) for clock in clocks]


def minutes(*rows):
    """Rows of (open, high, low, close) from 9:20 on, after five flat minutes."""
    lead = flat("09:15", "09:16", "09:17", "09:18", "09:19")
    return bars_of([*lead, *((f"09:{20 + nth}", *row, 10_000) for nth, row in enumerate(rows))])


BUY = {"09:20": ("BUY", "98", "104")}


def test_a_decision_at_a_close_meets_the_next_open_after_its_latency():
    played = play(minutes(("101", "101.5", "100.5", "101"), ("101",) * 4), scripted(BUY))
    assert played.fills[0] == ("09:20:00", 10, "101.05")
    assert played.engine.account.fills[0].at.microsecond == 400_000


def test_without_a_next_candle_nothing_fills():
    assert play(bars_of(flat("09:15", "09:16", "09:17", "09:18", "09:19")), scripted(BUY)).fills == []


def test_a_stop_within_the_candle_acts_at_its_price():
    played = play(minutes(("100",) * 4, ("100", "100.5", "97", "99"), ("99",) * 4), scripted(BUY))
    assert played.fills[1:] == [("09:21:15", -10, "97.95")]


def test_a_gap_through_the_stop_fills_at_the_open():
    played = play(minutes(("100",) * 4, ("95", "96", "94", "95"), ("95",) * 4), scripted(BUY))
    assert played.fills[1:] == [("09:21:00", -10, "94.95")]


def test_a_target_acts_at_its_price():
    played = play(minutes(("100",) * 4, ("100", "106", "99.5", "105"), ("105",) * 4), scripted(BUY))
    assert played.fills[1:] == [("09:21:30", -10, "103.95")]


@pytest.mark.parametrize(("worse_first", "price"), [(True, "97.95"), (False, "103.95")])
def test_stop_and_target_in_one_minute_are_undecided_and_can_be_made_worse_or_better(worse_first, price):
    rows = minutes(("100",) * 4, ("100", "106", "97", "105"), ("105",) * 4)
    played = play(rows, scripted(BUY), worse_first=worse_first)
    assert [fill[2] for fill in played.fills[1:]] == [price]
    assert played.player.undecided == 1


@pytest.mark.parametrize("worse_first", [True, False])
def test_a_short_holder_sees_the_high_as_the_worse_side(worse_first):
    rows = minutes(("100",) * 4, ("100", "103", "95", "99"), ("99",) * 4)
    played = play(rows, scripted({"09:20": ("SELL", "102", "96")}), worse_first=worse_first)
    assert [fill[2] for fill in played.fills[1:]] == ["102.05" if worse_first else "96.05"]


def test_an_exit_decided_at_a_close_fills_at_the_next_open():
    script = BUY | {"09:22": ("EXIT",)}
    played = play(minutes(("100",) * 4, ("100",) * 4, ("101", "102", "101", "102")), scripted(script))
    assert played.fills[1:] == [("09:22:00", -10, "100.95")]


def test_only_a_share_of_the_volume_is_offered_and_the_rest_waits():
    thin = FillTerms(Decimal(1), volume_share=Decimal("0.0016"))  # four units at each of a candle's points
    played = play(minutes(("100",) * 4, ("100",) * 4, ("100",) * 4), scripted(BUY), fills=thin)
    assert [quantity for _, quantity, _ in played.fills[:3]] == [4, 4, 2]


def test_a_candle_without_volume_fills_nothing_where_a_share_of_it_is_offered():
    rows = bars_of([*flat("09:15", "09:19"), *flat("09:20", "09:21", volume=0)])
    assert play(rows, scripted(BUY), fills=FillTerms()).fills == []


def test_slippage_in_basis_points_is_rounded_away_from_the_price():
    played = play(minutes(("100",) * 4), scripted(BUY), fills=FillTerms(Decimal(0), Decimal(12), None))
    assert played.fills[0][2] == "100.15"  # 12 bps are 12 paise; the tick is 5


def test_intraday_is_flat_by_its_time():
    clocks = [f"15:{minute:02d}" for minute in range(5, 16)]
    played = play(bars_of([*flat("09:15", "09:19", "09:20"), *flat(*clocks)]), scripted(BUY))
    assert played.fills[1:] == [("15:10:00", -10, "99.95")]


def test_an_entry_does_not_rest_through_minutes_without_a_candle():
    played = play(bars_of([*flat("09:15", "09:19"), *flat("09:39", "09:40")]), scripted(BUY))
    assert (played.fills, [order.state for order in played.engine.account.orders]) == ([], ["cancelled"])


def joined(friday, monday):
    names = friday.__dataclass_fields__
    return type(friday)(*(np.concatenate([getattr(friday, name), getattr(monday, name)]) for name in names))


def test_the_day_before_is_a_day_of_its_own():
    both = joined(bars_of(flat("09:15", "09:19", "09:20")), bars_of(flat("09:15", "09:16", price="97"), MONDAY))
    played = play(both, scripted(BUY), product="CNC", flat_by=None)
    assert played.fills[1:] == [("09:15:00", -10, "96.95")]
    assert played.engine.account.fills[1].at - played.engine.account.fills[0].at > timedelta(days=2)


def test_an_exit_decided_at_the_days_last_close_meets_the_next_days_open():
    friday = bars_of(flat("09:15", "09:19", "09:20", "15:29"))
    monday = bars_of([*flat("09:15", price="97"), *flat("09:16", "09:17", price="90")], MONDAY)
    script = {"09:20": ("BUY", "50"), "15:30": ("EXIT",)}
    played = play(joined(friday, monday), scripted(script), product="CNC", flat_by=None)
    assert played.fills[1:] == [("09:15:00", -10, "96.95")]


@pytest.mark.parametrize(
    "terms",
    [
        {"slippage_ticks": Decimal(-1)},
        {"slippage_bps": Decimal(1000)},
        {"volume_share": Decimal(0)},
        {"volume_share": Decimal(2)},
    ],
)
def test_fill_terms_nobody_could_have_are_refused_in_words(terms):
    with pytest.raises(BadFillTerms, match=r"slippage|share"):
        FillTerms(**terms)


def test_what_is_certain_is_said():
    assert CERTAIN.words() == "any quantity, 1 tick off the price"


@pytest.mark.parametrize("keeps_checks", [True, False])
def test_what_is_decided_is_the_same_whether_checks_are_kept_or_not(keeps_checks):
    bars = minutes(("101", "101.5", "100.5", "101"), ("101", "101", "97", "99"), ("99",) * 4)
    played = play(bars, scripted(BUY), keeps_checks=keeps_checks)
    assert [bool(one.checks) for one in played.engine.account.decisions] == [keeps_checks] * 2
    assert played.fills == [("09:20:00", 10, "101.05"), ("09:21:15", -10, "97.95")]
