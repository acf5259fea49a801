"""Contracts end in a backtest as on paper: settled at what they are worth, or left before they would be delivered."""

from dataclasses import replace
from datetime import date
from decimal import Decimal

import pytest

from instruments.tests.protections import FUTURES, OPTIONS
from portfolio.domain.charges import ChargeSegment
from trading.lab.tally import Tally
from trading.strategies.values import InstrumentSpec
from trading.tests.lab.plays import TOKEN, bars_of, make_player, scripted, seeded
from trading.tests.strategies.market_day import FRIDAY, at

D = Decimal
CALL = InstrumentSpec(
    "NFO:NIFTY24000CE", "NFO", "NIFTY24000CE", "CE", "NFO-OPT", D("0.05"), 65, expiry=FRIDAY, strike=D(24000)
)
PUT, FUTURE = replace(CALL, instrument_type="PE"), replace(CALL, instrument_type="FUT", segment="NFO-FUT", strike=None)
BUY = {"09:20": ("BUY", "50")}
SLABS = {"NFO-OPT": OPTIONS, "NFO-FUT": FUTURES}
CLOCKS = [f"{hour:02}:{minute:02}" for hour in range(9, 16) for minute in range(60)]
DAY = bars_of([(clock, "100", "101", "99", "100", 6500) for clock in CLOCKS if "09:15" <= clock < "15:30"])


def day_of(script=BUY, of=CALL, **facts):
    player = make_player(
        DAY, scripted(script), of=of, facts={"protections": SLABS} | facts, product="NRML", flat_by=None
    )
    tally = Tally(player.engine)
    for day in player.play():
        tally.note_end(day)
    return player.engine, tally.played(player.days)


@pytest.mark.parametrize(
    ("of", "final", "value"),
    [
        (CALL, "24250", "250"),
        (CALL, "23900", "0"),
        (PUT, "23900", "100"),
        (PUT, "24250", "0"),
        (FUTURE, "99.5", "99.5"),
    ],
)
def test_what_is_held_at_expiry_is_settled_at_its_value(of, final, value):
    engine, played = day_of(of=of, final_prices={TOKEN: D(final)})
    [trip] = played.trips
    assert (trip.exited_at, trip.exit_price, trip.quantity) == (at("15:30"), D(value), 650)
    assert trip.exit_reason == f"expired, settled at {D(value):,.2f}"
    assert trip.gross == (D(value) - trip.entry_price) * 650
    assert (engine.account.holdings.held, played.unsettled) == ([], {})
    assert played.days[-1].equity == D(10_000_000) + trip.gross - sum(played.days[-1].costs.values())


def test_an_option_in_the_money_is_charged_as_exercised_and_not_as_sold():
    worthless, worth = (day_of(final_prices={TOKEN: D(final)})[1].days[-1].costs for final in ("24000", "24250"))
    added = {kind: amount - worthless.get(kind, 0) for kind, amount in worth.items()}
    exercised, sold = (
        seeded().card_of("NFO", segment, FRIDAY).order_charges("SELL", D(250 * 650)).to_paisa().amounts()
        for segment in (ChargeSegment.OPTIONS_EXPIRY, ChargeSegment.OPTIONS)
    )
    assert {kind: amount for kind, amount in added.items() if amount} == {k: v for k, v in exercised.items() if v}
    assert exercised != sold


def test_the_run_hears_of_it_and_holds_nothing():
    engine, _ = day_of(final_prices={TOKEN: D(24250)})
    [run] = engine.runs
    assert run.host.positions == {CALL.key: 650}
    engine.give_news()
    assert run.host.positions == {}


def test_without_a_final_price_it_stays_open_and_that_is_said():
    engine, played = day_of()
    assert (len(engine.account.holdings.held), played.unsettled) == (1, {CALL.key: FRIDAY})
    assert played.trips[0].exited_at is None


def test_before_its_last_day_nothing_is_settled():
    later = replace(CALL, expiry=date(2026, 12, 1))
    engine, played = day_of(of=later, final_prices={TOKEN: D(24250)})
    assert (len(engine.account.holdings.held), played.unsettled) == (1, {})


def test_a_derivative_on_a_share_is_left_on_the_day_before_it_expires():
    on_a_share = replace(CALL, expiry=date(2026, 12, 1))
    engine, played = day_of(of=on_a_share, leave_days={TOKEN: FRIDAY})
    [trip] = played.trips
    assert trip.exit_reason == "flat by 15:05: expires on 1 Dec and would be delivered"
    assert (f"{trip.exited_at:%H:%M}", engine.account.holdings.held) == ("09:35", [])  # UTC
    [run] = engine.runs
    assert run.host.positions == {}
