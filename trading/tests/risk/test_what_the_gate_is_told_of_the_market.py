"""The market as the gate reads it: gates of all and of one, the day's hours, and the instrument's own rules."""

from decimal import Decimal

import pytest

from portfolio.booking import open_account
from tests.stories.pipeline import DAY, at
from trading.models import PriceBand, Signal
from trading.orders import gates, kill_switch
from trading.risk import assessment
from trading.risk.market_view import market_view

D = Decimal


def view(pipeline):
    return market_view(pipeline.buy(5, price="1490.00"), pipeline.now)


def judged(pipeline, **terms) -> Signal:
    signal = pipeline.buy(5, price="1490.00", **terms)
    assessment.assess_signals(pipeline.account.pk)
    signal.refresh_from_db()
    return signal


@pytest.mark.parametrize(("state", "code"), [("halted", "GATE"), ("reduce_only", "REDUCE_ONLY")])
def test_the_accounts_own_gate_is_asked_beside_the_one_of_all(watched, state, code):
    gates.set_gate(state, watched.account, by="tests")
    assert (view(watched).global_gate, view(watched).account_gate) == ("active", state)
    assert judged(watched, product="MIS").decision.refusal_codes == [code]


def test_another_accounts_gate_is_nobodys_business(watched):
    gates.set_gate("halted", open_account("Desk B", "paper", "paper", D(1000)), by="tests")
    assert judged(watched).state == "ordered"


def test_the_flag_file_is_looked_for_each_time(watched):
    assert not view(watched).flag_file
    kill_switch.raise_flag("tests", "")
    assert view(watched).flag_file


def test_fresh_intraday_positions_end_a_quarter_of_an_hour_before_continuous_trading(watched):
    assert view(watched).mis_cutoff_at == at("15:00:00")  # of a share with futures, which closes at 15:15


@pytest.mark.parametrize(("clock", "codes"), [("14:59:58", []), ("15:00:00", ["MIS_CUTOFF"])])
def test_an_intraday_entry_is_refused_from_its_cut_off_on(watched, clock, codes):
    watched.now = at(clock)
    watched.tick("1500.00", after=0)
    assert judged(watched, product="MIS").decision.refusal_codes == codes


def test_the_days_band_and_the_instruments_own_rules_are_told(watched):
    PriceBand.objects.create(instrument=watched.infy, day=DAY, low=D(1350), high=D(1650), told_at=watched.now)
    told = view(watched)
    assert (told.band_low, told.band_high, told.tick_size, told.lot_size) == (D(1350), D(1650), D("0.10"), 1)
    assert (told.phase, told.feed_state, told.quote_state, told.books_frozen) == ("continuous", "live", "live", False)
