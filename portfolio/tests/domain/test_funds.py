"""What an order needs and what is free: full cash, or a stated margin, and otherwise no answer."""

from dataclasses import dataclass
from decimal import Decimal

import pytest

from portfolio.domain.funds import NoMarginModel, funds_of, required_funds

D = Decimal


@dataclass(frozen=True)
class Terms:
    intraday_multiple: Decimal = Decimal(5)
    derivative_margin_percent: Decimal | None = Decimal(20)


@dataclass(frozen=True)
class Contract:
    instrument_type: str
    strike: Decimal | None = None


@dataclass(frozen=True)
class Held:
    instrument: Contract
    product: str
    quantity: int
    open_value: Decimal


SHARE = Contract("EQ")
FUTURE = Contract("FUT")
CALL = Contract("CE", D(25000))


@pytest.mark.parametrize(
    ("contract", "product", "side", "needs"),
    [
        (SHARE, "CNC", "BUY", "10000"),
        (SHARE, "CNC", "SELL", "0"),
        (SHARE, "MIS", "BUY", "2000"),
        (SHARE, "MIS", "SELL", "2000"),
        (CALL, "NRML", "BUY", "10000"),
        (CALL, "MIS", "BUY", "10000"),
        # 100 × strike 25 000 × 20 %.
        (CALL, "NRML", "SELL", "500000"),
        (FUTURE, "NRML", "BUY", "2000"),
        (FUTURE, "MIS", "SELL", "2000"),
    ],
)
def test_an_order_of_100_at_100_needs(contract: Contract, product: str, side: str, needs: str) -> None:
    assert required_funds(Terms(), contract, product, side, 100, D(100)) == D(needs)  # type: ignore[arg-type]


@pytest.mark.parametrize(
    ("contract", "product", "side"),
    [(FUTURE, "CNC", "BUY"), (CALL, "CNC", "BUY"), (SHARE, "NRML", "BUY"), (Contract("PE"), "NRML", "SELL")],
)
def test_what_has_no_margin_model_is_refused(contract: Contract, product: str, side: str) -> None:
    with pytest.raises(NoMarginModel):
        required_funds(Terms(), contract, product, side, 100, D(100))  # type: ignore[arg-type]


@pytest.mark.parametrize("contract", [FUTURE, CALL])
def test_without_a_configured_percent_selling_derivatives_has_no_answer(contract: Contract) -> None:
    with pytest.raises(NoMarginModel, match="no margin is configured"):
        required_funds(Terms(derivative_margin_percent=None), contract, "NRML", "SELL", 100, D(100))


@pytest.mark.parametrize(
    ("held", "cash", "available"),
    [
        # Bought with all the money there was: cash −40,000 + 50,000 put back − 10,000 margin.
        (Held(SHARE, "MIS", 100, D(50_000)), "-40000", "0"),
        # Sold short: the 50,000 that came in are not ours to spend.
        (Held(SHARE, "MIS", -100, D(-50_000)), "60000", "0"),
        (Held(SHARE, "CNC", 100, D(50_000)), "5000", "5000"),
        (Held(FUTURE, "NRML", 65, D(1_625_000)), "-1300000", "0"),
        (Held(CALL, "NRML", 65, D(6500)), "1000", "1000"),
        # 65 × 25,000 × 20 % = 325,000; the premium received stays.
        (Held(CALL, "NRML", -65, D(-6500)), "331500", "6500"),
    ],
)
def test_free_is_cash_less_what_is_blocked(held: Held, cash: str, available: str) -> None:
    at_cost = held.open_value / held.quantity
    assert funds_of(Terms(), D(cash), [(held, at_cost)]).available == D(available)


def test_nothing_held_blocks_nothing() -> None:
    assert funds_of(Terms(), D(100), []).available == D(100)


def test_what_a_margined_position_is_losing_is_not_free() -> None:
    bought = Held(SHARE, "MIS", 2500, D(250_000))  # 1,00,000 of 1,00,000 in cash are lost
    assert funds_of(Terms(), D(100_000) - D(250_000), [(bought, D(60))]).available == D(-50_000)


def test_what_a_margined_position_is_gaining_is_no_money_yet() -> None:
    losing, gaining = Held(SHARE, "MIS", 100, D(10_000)), Held(SHARE, "MIS", -100, D(-10_000))
    funds = funds_of(Terms(), D(50_000), [(losing, D(90)), (gaining, D(80))])
    assert (funds.losses, funds.available) == (D(1000), D(45_000))


def test_what_a_sold_option_is_losing_is_not_free() -> None:
    sold = Held(CALL, "NRML", -65, D(-6500))
    assert funds_of(Terms(), D(331_500), [(sold, D(150))]).available == D(6500) - 65 * 50


@pytest.mark.parametrize(("product", "available"), [("MIS", None), ("CNC", D(100))])
def test_without_a_price_it_is_unknown_what_is_free_unless_it_is_paid_in_full(
    product: str, available: Decimal | None
) -> None:
    held = Held(SHARE, product, 100, D(10_000))
    assert funds_of(Terms(), D(100), [(held, None)]).available == available
