"""How far a price may lie from last before it counts as a slip of the finger, and a stop's trigger and limit."""

from dataclasses import replace

import pytest

from trading.risk.assess import assess
from trading.risk.verdicts import Case, Code
from trading.tests.risk.risk_cases import BUY_10, EXPOSURE, LIMITS, MARKET, NOW, SELL_10, D

LAST = D(1300)
STOP = replace(SELL_10, order_type="SL", reference_price=LAST)


def collar_of(order):
    checks = assess(Case(order, EXPOSURE, LIMITS, MARKET, NOW)).checks
    [check] = [one for one in checks if one.code == Code.PRICE_COLLAR]
    return check


def stop(trigger: str, limit: str | None = None, **changes):
    kind = "SL" if limit else "SL-M"
    return replace(STOP, order_type=kind, trigger_price=D(trigger), price=D(limit) if limit else None, **changes)


def test_a_protective_stop_further_from_last_than_the_collar_is_no_slip_of_the_finger():
    check = collar_of(stop("1272.70", "1272.00"))  # 2.1 % under last
    assert (check.passed, check.words) == (
        True,
        "limit 1,272.00 is 0.1\N{NO-BREAK SPACE}% from its trigger; 2.0\N{NO-BREAK SPACE}% allowed",
    )


@pytest.mark.parametrize(("limit", "passes"), [("1247.30", True), ("1247.20", False)])
def test_a_stops_limit_is_judged_by_its_trigger(limit, passes):
    check = collar_of(stop("1272.70", limit))
    assert (check.passed, "from its trigger" in check.words) == (passes, True)


@pytest.mark.parametrize(("trigger", "passes"), [("1040", True), ("1039.90", False), ("130", False)])
def test_a_trigger_beyond_the_widest_band_of_the_cash_market_is_a_slip(trigger, passes):
    check = collar_of(stop(trigger, trigger))
    assert check.passed is passes
    assert (
        passes
        or check.words == f"trigger {D(trigger):,.2f} is {check.value} from last; 20.0\N{NO-BREAK SPACE}% allowed"
    )


def test_a_stop_at_market_is_judged_by_its_trigger_too():
    assert collar_of(stop("1272.70")).passed
    assert not collar_of(stop("1000")).passed


@pytest.mark.parametrize(("trigger", "passes"), [("200", True), ("200.05", False), ("50", True)])
def test_an_options_stop_may_lie_at_half_or_twice_its_premium(trigger, passes):
    order = stop(trigger, trigger, exchange="NFO", segment="NFO-OPT")
    assert collar_of(replace(order, reference_price=D(100), signed_quantity=10)).passed is passes


def test_a_stop_that_opens_is_judged_alike():
    assert collar_of(replace(stop("1327.30", "1328"), signed_quantity=10)).passed
    assert not collar_of(replace(stop("1327.30", "1360"), signed_quantity=10)).passed


def test_without_a_last_price_no_stop_can_be_judged():
    assert not collar_of(stop("1272.70", "1272.00", reference_price=None)).passed


def test_a_plain_limit_keeps_the_collar():
    check = collar_of(replace(BUY_10, price=D(1330)))
    assert (check.passed, check.words) == (
        False,
        "limit 1,330.00 is 2.3\N{NO-BREAK SPACE}% from last; 2.0\N{NO-BREAK SPACE}% allowed",
    )
