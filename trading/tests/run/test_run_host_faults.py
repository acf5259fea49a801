"""Strategies that raise, loop or answer nonsense."""

from decimal import Decimal

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from trading.run.callback_guard import CallbackGuard
from trading.run.faults import StrategyFault
from trading.strategies.values import Enter, Exit, Reason, Wait
from trading.tests.run.run_cases import WHY, HostedRun, buy, codes, said, wait
from trading.tests.strategies.market_day import INFY, D, at, candle, spec, terms, tick

NONSENSE = {
    "a stop that is not a number": Enter(INFY, "BUY", Decimal("NaN"), WHY),
    "an endless stop": Enter(INFY, "BUY", Decimal("Infinity"), WHY),
    "a negative stop": Enter(INFY, "BUY", Decimal(-5), WHY),
    "a float stop": Enter(INFY, "BUY", 95.0, WHY),
    "a huge target": Enter(INFY, "BUY", D(95), WHY, target=Decimal(10) ** 12),
    "a side that is none": Enter(INFY, "HOLD", D(95), WHY),
    "an unknown instrument": Exit("NSE:NOPE", WHY),
    "no instrument": Exit(None, WHY),
    "a reason that is text": Exit(INFY, "because"),
    "an empty reason": Exit(INFY, Reason("")),
    "a number that is none": Wait(INFY, Reason("x", {"n": float("nan")})),
    "a nearness above 1": Wait(INFY, WHY, 1.5),
    "a dict": {"instrument": INFY},
    "nothing in the list": None,
}


def faulted(says):
    hosted = HostedRun()
    hosted.puppet.says = says
    with pytest.raises(StrategyFault) as raised:
        hosted.host.on_ticks([tick("100", "10:00")], at("10:00"))
    assert hosted.host.exits_only
    return raised.value


@pytest.mark.parametrize("intent", NONSENSE.values(), ids=NONSENSE.keys())
def test_nonsense_is_a_fault_and_nothing_is_decided(intent):
    fault = faulted([intent])
    assert (fault.code, fault.decisions) == ("bad_intent", ())


def test_a_fault_says_who_when_and_what():
    fault = faulted(lambda: 1 / 0)
    assert fault.code == "raised"
    assert str(fault).startswith("puppet, on a tick: ZeroDivisionError: division by zero, at run_cases.py, line ")


def test_more_intents_than_anyone_needs_is_a_fault():
    fault = faulted(lambda: (wait() for _ in iter(int, 1)))
    assert fault.words.endswith("answered more than 100 intents at once")


@pytest.mark.parametrize("answer", [7, "BUY", {"enter": 1}, object()])
def test_an_answer_that_is_no_series_is_a_fault(answer):
    assert faulted(lambda: answer).code == "bad_intent"


def test_an_answer_of_nothing_wants_nothing():
    hosted = HostedRun()
    hosted.puppet.says = lambda: None
    assert hosted.host.on_ticks([tick("100", "10:00")], at("10:00")) == []


@given(st.recursive(st.none() | st.floats() | st.text() | st.integers(), st.lists, max_leaves=5))
@settings(max_examples=100)
def test_no_value_whatever_gets_past(value):
    hosted = HostedRun()
    hosted.puppet.says = lambda: value
    try:
        made = hosted.host.on_ticks([tick("100", "10:00")], at("10:00"))
    except StrategyFault:
        made = []
    assert made == []


def test_what_was_decided_before_the_fault_stands():
    fault = faulted([buy(), None])
    assert said(fault.decisions) == [("enter", 10)]


def test_an_endless_loop_is_stopped_and_the_next_call_works():
    def loop():
        while True:
            try:
                while True:
                    pass
            except Exception:
                continue

    hosted = HostedRun(guard=CallbackGuard(0.05))
    hosted.puppet.says = loop
    with pytest.raises(StrategyFault) as raised:
        hosted.host.on_ticks([tick("100", "10:00")], at("10:00"))
    assert raised.value.code == "timed_out"
    assert str(raised.value).startswith("puppet, on a tick: took more than 50 ms of CPU time, at run_cases.py, line ")
    hosted.host.decide_again()
    assert said(hosted.tick("100", "10:00:01", buy())) == [("enter", 10)]


def test_a_resumed_run_begins_anew_and_learns_from_history():
    hosted = HostedRun()
    hosted.puppet.says = lambda: 1 / 0
    with pytest.raises(StrategyFault):
        hosted.host.on_candles([candle("100", at("09:59"))], at("10:00:02"))
    hosted.puppet.heard.clear()
    hosted.host.decide_again([candle("100", at("09:59")), candle("101", at("10:00"))])
    assert [heard.close for heard in hosted.puppet.heard] == [D(100), D(101)]
    assert not hosted.host.exits_only


def test_a_state_that_is_not_json_is_a_fault():
    hosted = HostedRun()
    hosted.puppet.save = lambda: {"x": Decimal(1)}
    with pytest.raises(StrategyFault, match="puppet, on saving: TypeError"):
        hosted.host.save()


def test_an_instrument_only_watched_cannot_be_traded():
    hosted = HostedRun(terms(watched=(spec("NSE:NIFTY", is_index=True),)))
    hosted.puppet.says = [Wait("NSE:NIFTY", WHY), Exit("NSE:NIFTY", WHY)]
    with pytest.raises(StrategyFault, match="wants to trade NSE:NIFTY, which this run only watches"):
        hosted.host.on_ticks([tick("100", "10:00")], at("10:00"))


def test_an_incomplete_candle_is_not_used_and_the_run_says_so():
    hosted = HostedRun()
    made = hosted.host.on_candles([candle("100", at("09:59"), complete=False)], at("10:00:02"))
    assert (codes(made), hosted.puppet.heard) == (["incomplete_candle"], [])


def test_a_pause_goes_on_learning_and_a_fault_does_not():
    paused, faulted_run = HostedRun(), HostedRun()
    paused.host.keep_exits_only()
    faulted_run.host.keep_exits_only(is_faulted=True)
    for hosted in (paused, faulted_run):
        hosted.puppet.says = [buy()]
        assert hosted.host.on_candles([candle("100", at("09:59"))], at("10:00:02")) == []
    assert (len(paused.puppet.heard), len(faulted_run.puppet.heard)) == (1, 0)
