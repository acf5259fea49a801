"""Charges to the paisa, as the charge list, the law and Kite's own answers have them."""

import json
from datetime import date
from decimal import ROUND_HALF_UP, ROUND_UP, Decimal
from typing import Any

import pytest
from django.conf import settings
from hypothesis import given
from hypothesis import settings as examples
from hypothesis import strategies as st

from portfolio.charging import seeded_rates
from portfolio.domain.charges import (
    PAISA,
    Charges,
    ChargeSegment,
    RateCard,
    UnknownCharge,
    dp_charge,
    segment_of,
)
from portfolio.domain.costs import ChargeRates
from portfolio.domain.same_day import sole_step
from portfolio.models import ChargeRate, Trade

D = Decimal
S = ChargeSegment
RATES = [ChargeRate(**row) for row in seeded_rates()]
NOW = date(2026, 11, 20)
needs_shared_data = pytest.mark.skipif(settings.SHARED_DATA is None, reason="the shared data folder is not here")


def charges(exchange: str, segment: S, side: str, turnover: str, day: date = NOW) -> Charges:
    return RateCard.of(RATES, exchange, segment, day).order_charges(side, D(turnover))  # type: ignore[arg-type]


def paise(amount: Decimal) -> Decimal:
    return amount.quantize(PAISA, ROUND_HALF_UP)


def test_buying_shares_for_delivery() -> None:
    # ₹1,00,000 on NSE: STT 0.1 % = 100; exchange 0.00307 % = 3.07; SEBI 0.0001 % = 0.10; stamp 0.015 % = 15;
    # GST 18 % of (0 + 3.07 + 0.10) = 0.5706; no brokerage. Together 118.7406.
    bill = charges("NSE", S.DELIVERY, "BUY", "100000")
    assert bill == Charges(D(0), D(100), D("3.07"), D("0.1"), D(15), D("0.5706"))
    assert bill.total == D("118.7406")


def test_selling_shares_within_the_day() -> None:
    # ₹50,000 on NSE: brokerage 0.03 % = 15 (below 20); STT 0.025 % of the sale = 12.50; exchange 1.535; SEBI 0.05;
    # no stamp on a sale; GST 18 % of 16.585 = 2.9853.
    bill = charges("NSE", S.INTRADAY, "SELL", "50000")
    assert bill == Charges(D(15), D("12.5"), D("1.535"), D("0.05"), D(0), D("2.9853"))


def test_brokerage_of_a_large_order_is_capped() -> None:
    # 0.03 % of ₹2,00,000 would be 60.
    assert charges("NSE", S.INTRADAY, "BUY", "200000").brokerage == D(20)


def test_buying_a_future() -> None:
    # ₹16,25,000: brokerage 20; no STT on a purchase; exchange 0.00183 % = 29.7375; SEBI 1.625; stamp 0.002 % = 32.50;
    # GST 18 % of 51.3625 = 9.24525.
    bill = charges("NFO", S.FUTURES, "BUY", "1625000")
    assert bill == Charges(D(20), D(0), D("29.7375"), D("1.625"), D("32.5"), D("9.24525"))


def test_selling_an_option_on_bse() -> None:
    # Premium ₹10,000: brokerage 20; STT 0.15 % = 15; exchange 0.0325 % = 3.25; SEBI 0.01; GST 18 % of 23.26 = 4.1868.
    bill = charges("BFO", S.OPTIONS, "SELL", "10000")
    assert bill == Charges(D(20), D(15), D("3.25"), D("0.01"), D(0), D("4.1868"))


@pytest.mark.parametrize(
    ("day", "futures", "options"),
    [
        (date(2024, 9, 30), "12.5", "62.5"),
        (date(2024, 10, 1), "20", "100"),
        (date(2026, 3, 31), "20", "100"),
        (date(2026, 4, 1), "50", "150"),
    ],
)
def test_transaction_tax_changes_on_the_day_the_law_does(day: date, futures: str, options: str) -> None:
    # On ₹1,00,000 sold.
    assert charges("NFO", S.FUTURES, "SELL", "100000", day).transaction_tax == D(futures)
    assert charges("NFO", S.OPTIONS, "SELL", "100000", day).transaction_tax == D(options)


@pytest.mark.parametrize(("day", "amount"), [(date(2024, 9, 30), "15.93"), (date(2024, 10, 1), "15.34")])
def test_the_depository_takes_13_rupees_and_tax_a_share(day: date, amount: str) -> None:
    # 13 × 1.18 = 15.34; before October 2024 13.50 × 1.18 = 15.93.
    assert dp_charge(RATES, "NSE", day) == D(amount)


@pytest.mark.parametrize(
    ("exchange", "segment", "day"),
    [
        ("NSE", S.DELIVERY, date(2023, 3, 31)),
        ("BFO", S.OPTIONS, date(2024, 9, 30)),
        ("MCX", S.FUTURES, NOW),
        ("NSE", S.FUTURES, NOW),
    ],
)
def test_a_rate_unknown_is_an_error_and_never_nothing(exchange: str, segment: S, day: date) -> None:
    with pytest.raises(UnknownCharge, match=exchange):
        charges(exchange, segment, "SELL", "1000", day)


def test_one_missing_kind_makes_the_whole_card_unknown() -> None:
    with pytest.raises(UnknownCharge, match="gst"):
        RateCard.of([rate for rate in RATES if rate.kind != "gst"], "NSE", S.DELIVERY, NOW)


@pytest.mark.parametrize(
    ("kind", "product", "segment"),
    [("EQ", "CNC", S.DELIVERY), ("EQ", "MIS", S.INTRADAY), ("FUT", "NRML", S.FUTURES), ("PE", "MIS", S.OPTIONS)],
)
def test_the_product_decides_a_shares_rates(kind: str, product: str, segment: S) -> None:
    assert segment_of(kind, product) == segment


@pytest.mark.parametrize(("kind", "product"), [("EQ", "NRML"), ("EQ", "MTF"), ("", "CNC")])
def test_what_nobody_charges_is_unknown(kind: str, product: str) -> None:
    with pytest.raises(UnknownCharge):
        segment_of(kind, product)


@given(st.lists(st.decimals("0.05", "30000", places=2), min_size=1, max_size=20))
@examples(max_examples=150)
def test_an_orders_fills_add_up_to_the_orders_charges_however_many(fills: list[Decimal]) -> None:
    rates = ChargeRates(RATES)
    parts = []
    for n, price in enumerate(fills):
        fill = Trade(exchange="NSE", day=NOW, signed_quantity=-1, price=price)
        parts += [rates.cost_of(change) for change in sole_step(fill, S.INTRADAY, sum(fills[:n], D(0))).changes]
    whole = charges("NSE", S.INTRADAY, "SELL", str(sum(fills, D(0)))).to_paisa()
    assert sum((part.total for part in parts), D(0)) == whole.total
    assert all(amount >= 0 for part in parts for amount in part.amounts().values())


def test_each_known_rate_names_its_source() -> None:
    assert all(rate.source for rate in RATES)


def verified_cases() -> list[Any]:
    if settings.SHARED_DATA is None:
        return [pytest.param({}, marks=needs_shared_data)]
    text = (settings.SHARED_DATA / "charges" / "verified_charges.json").read_text(encoding="utf-8")
    return [pytest.param(case, id=case["id"]) for case in json.loads(text, parse_float=Decimal)["cases"]]


@needs_shared_data
@pytest.mark.parametrize("case", verified_cases())
def test_equals_what_kite_itself_answered(case: dict[str, Any]) -> None:
    order, answer = case["order"], case["response"]["charges"]
    day = date.fromisoformat(case["date"] if len(case["date"]) == 10 else f"{case['date']}-01")
    bill = charges(order["exchange"], segment_of_case(order), order["transaction_type"], turnover_of(order), day)
    assert paise(bill.brokerage) == paise(D(answer["brokerage"]))
    assert paise(bill.transaction_tax) == paise(D(answer["transaction_tax"]))
    assert paise(bill.exchange_turnover_charge) == paise(D(answer["exchange_turnover_charge"]))
    assert paise(bill.sebi_turnover_charge) == paise(D(answer["sebi_turnover_charge"]))
    assert paise(bill.gst) == paise(D(answer["gst"]["total"]))
    # Kite's margin API leaves stamp duty out, and for baskets NSE's investor protection; the contract note does not.
    assert answer["stamp_duty"] == 0
    assert paise(bill.total - bill.stamp_duty - bill.investor_protection_fee) == paise(D(answer["total"]))


@needs_shared_data
@pytest.mark.parametrize("case", [case for case in verified_cases() if "charges_api" in str(case.id)])
def test_kites_note_rounds_to_the_nearest_paisa_and_not_up(case: dict[str, Any]) -> None:
    order, answer = case["order"], case["response"]["charges"]
    day = date.fromisoformat(case["date"])
    bill = charges(order["exchange"], segment_of_case(order), order["transaction_type"], turnover_of(order), day)
    ours = bill.to_paisa()
    names = ("exchange_turnover_charge", "sebi_turnover_charge")
    assert [getattr(ours, name) for name in names] == [paise(D(answer[name])) for name in names]
    assert (ours.gst, ours.total) == (paise(D(answer["gst"]["total"])), paise(D(answer["total"])))
    up = [amount.quantize(PAISA, ROUND_UP) for amount in bill.amounts().values()]
    assert sum(up) > ours.total  # so the figures would tell


def test_stamp_duty_is_charged_where_kites_margin_api_leaves_it_out() -> None:
    # INFY, one share bought for delivery at ₹1,500: 0.015 % = 0.225.
    assert charges("NSE", S.DELIVERY, "BUY", "1500", date(2025, 11, 15)).stamp_duty == D("0.225")


@pytest.mark.parametrize(
    ("exchange", "segment", "turnover", "with_fund", "taxed"),
    [("NSE", S.DELIVERY, "560", "0.01876", "0.01876"), ("NFO", S.OPTIONS, "150", "0.07575", "20.07515")],
)
def test_until_october_2024_nse_took_its_investor_protection_fee_beside_and_without_tax(
    exchange: str, segment: S, turnover: str, with_fund: str, taxed: str
) -> None:
    # SBIN at 560 as Kite answered in July 2023: exchange 0.01876, GST 0.0033768; an option's premium of 150: 0.07575.
    bill = charges(exchange, segment, "BUY", turnover, date(2023, 7, 3))
    assert bill.exchange_turnover_charge + bill.investor_protection_fee == D(with_fund)
    assert bill.gst == D(taxed) * D("0.18")
    assert charges(exchange, segment, "BUY", turnover, date(2024, 10, 1)).investor_protection_fee == 0


def segment_of_case(order: dict[str, Any]) -> S:
    if order["exchange"] == "NSE":
        return S.DELIVERY
    return S.FUTURES if order["tradingsymbol"].endswith("FUT") else S.OPTIONS


def turnover_of(order: dict[str, Any]) -> str:
    if "premium_turnover" in order:
        return str(order["premium_turnover"])
    price = order.get("price", order.get("average_price"))
    return str(order["quantity"] * D(price))
