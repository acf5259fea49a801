"""A trade is booked once, whole or not at all, and the books say what it did."""

from collections.abc import Callable
from dataclasses import replace
from decimal import Decimal

import pytest
from django.db import IntegrityError, transaction

from alphapanda.core.ids import new_id
from alphapanda.core.journal.models import Event
from instruments.models import Instrument
from portfolio.booking import (
    ConflictingTrade,
    InsufficientFunds,
    TradeReport,
    book_parts,
    book_trade,
    charge_uncharged,
    ensure_portfolio,
    open_account,
    transfer_money,
)
from portfolio.models import Account, ChargeRate, LedgerEntry, Position, Trade
from portfolio.rebuilding import rebuild_account

D = Decimal
TradeOf = Callable[..., TradeReport]


def held(account: Account) -> Position:
    return Position.objects.of_account(account.pk).get()


def test_an_account_opens_with_its_cash_in_the_ledger_and_a_portfolio_by_hand(account: Account) -> None:
    assert LedgerEntry.objects.cash(account.pk) == account.cash == D(1_000_000)
    assert account.portfolios.get().deployment_id is None


def test_crossing_zero_closes_what_is_held_and_opens_the_rest(account: Account, trade_of: TradeOf) -> None:
    book_trade(trade_of(50, "100"))
    sold, _ = book_trade(trade_of(-80, "110"))
    position = held(account)
    assert (position.quantity, position.open_value, position.average_price) == (-30, D(-3300), D(110))
    assert position.realised == D(500)
    assert position.opened_at == sold.traded_at
    assert [(lot.quantity, lot.remaining) for lot in position.lots.all()] == [(50, 0), (-30, -30)]


def test_the_same_trade_reported_again_changes_nothing(account: Account, trade_of: TradeOf) -> None:
    report = trade_of(10, "1500")
    first, is_new = book_trade(report)
    again, is_new_again = book_trade(report)
    account.refresh_from_db()
    assert (first.pk, is_new, is_new_again) == (again.pk, True, False)
    assert (account.version, Trade.objects.count(), held(account).quantity) == (1, 1, 10)


def test_a_trade_in_parts_is_booked_once_and_its_charges_are_those_of_the_whole(
    account: Account, trade_of: TradeOf
) -> None:
    hand, other = account.portfolios.get(), ensure_portfolio(account, new_id(), "momentum")
    report = trade_of(-30, "1500")
    parts = [(hand.pk, -10), (other.pk, -20)]
    first = book_parts(report, parts)
    assert [trade.pk for trade in book_parts(report, parts)] == [trade.pk for trade in first]
    assert {p.portfolio_id: p.quantity for p in Position.objects.all()} == dict(parts)
    whole, _ = book_trade(replace(trade_of(-30, "1500"), day=report.day))
    assert abs(sum(trade.charges for trade in first) - whole.charges) <= D("0.05")  # each charge rounded to a paisa
    assert rebuild_account(account) == []


def test_parts_that_are_not_the_trade_book_nothing(account: Account, trade_of: TradeOf) -> None:
    hand = account.portfolios.get().pk
    for parts in ([(hand, -10)], [(hand, -10), (hand, -20)]):
        with pytest.raises(ValueError, match="are not the trade of -30"):
            book_parts(trade_of(-30, "1500"), parts)
    assert not Trade.objects.exists()


def test_trades_of_one_number_and_two_orders_are_two(account: Account, trade_of: TradeOf) -> None:
    first = trade_of(10, "1500")
    second = replace(trade_of(5, "1500"), trade_id=first.trade_id)
    assert [book_trade(report)[1] for report in (first, second)] == [True, True]
    assert held(account).quantity == 15


def test_the_same_trade_with_another_price_needs_a_person(account: Account, trade_of: TradeOf) -> None:
    report = trade_of(10, "1500")
    book_trade(report)
    with pytest.raises(ConflictingTrade, match=r"price 1500\.0000 → 1501"):
        book_trade(replace(report, price=D(1501)))


def test_news_arriving_late_leaves_the_books_as_if_it_had_come_in_time(account: Account, trade_of: TradeOf) -> None:
    reports = [trade_of(10, "100"), trade_of(10, "120"), trade_of(-10, "130")]
    for report in (reports[1], reports[2], reports[0]):
        book_trade(report)
    position = held(account)
    assert (position.quantity, position.open_value, position.realised) == (10, D(1200), D(300))
    assert position.opened_at == reports[0].traded_at
    assert rebuild_account(account) == []


def test_cash_is_opening_less_bought_plus_sold_less_charges(account: Account, trade_of: TradeOf) -> None:
    book_trade(trade_of(10, "1500"))
    book_trade(trade_of(-4, "1510.05"))
    charges = -sum(LedgerEntry.objects.charges().values_list("amount", flat=True))
    assert LedgerEntry.objects.cash(account.pk) == D(1_000_000) - D(15_000) + D("6040.20") - charges
    assert charges == sum(Trade.objects.values_list("charges", flat=True))


def test_brokerage_is_charged_for_the_order_and_not_for_each_fill(account: Account, trade_of: TradeOf) -> None:
    # 0.03 % of 40 000 is 12; of 80 000 it would be 24 and the cap is 20, so the second fill adds 8, the third none.
    for _ in range(3):
        book_trade(trade_of(40, "1000", broker_order_id="1"))
    paid = account.ledger.filter(kind="brokerage").order_by("at").values_list("amount", flat=True)
    assert list(paid) == [D(-12), D(-8)]


def test_a_trade_without_a_known_rate_is_booked_and_its_charges_stay_unknown(
    account: Account, trade_of: TradeOf
) -> None:
    ChargeRate.objects.filter(kind="gst").delete()
    trade, _ = book_trade(trade_of(10, "1500"))
    assert trade.charges is None
    assert held(account).quantity == 10
    assert not LedgerEntry.objects.charges().exists()
    assert rebuild_account(account) == []


def test_charges_are_settled_once_when_their_rate_becomes_known(account: Account, trade_of: TradeOf) -> None:
    gst = list(ChargeRate.objects.filter(kind="gst"))
    ChargeRate.objects.filter(kind="gst").delete()
    book_trade(trade_of(10, "1500"))
    ChargeRate.objects.bulk_create(gst)
    assert [difference.what for difference in rebuild_account(account)] != []
    assert (charge_uncharged(account), charge_uncharged(account)) == (1, 0)
    assert rebuild_account(account) == []


def test_a_booked_trade_is_told_with_its_position(account: Account, trade_of: TradeOf) -> None:
    book_trade(trade_of(10, "1500"))
    told = Event.objects.get(kind="trade.booked")
    assert (told.account_id, told.payload["position"], told.payload["price"]) == (account.pk, 10, "1500")


def test_one_portfolio_per_deployment_and_account(account: Account) -> None:
    deployment = account.pk
    assert ensure_portfolio(account, deployment, "momentum") == ensure_portfolio(account, deployment)
    assert account.portfolios.count() == 2


def test_a_trade_cannot_be_booked_into_another_accounts_portfolio(account: Account, trade_of: TradeOf) -> None:
    other = open_account("other", "paper", "paper", D(0))
    with pytest.raises(IntegrityError), transaction.atomic():
        book_trade(trade_of(10, "1500", portfolio_id=other.portfolios.get().pk))


def test_money_is_moved_once_per_key_and_never_beyond_what_is_free(account: Account) -> None:
    _, first = transfer_money(account.pk, D("500.50"), key="may")
    _, again = transfer_money(account.pk, D("500.50"), key="may")
    assert (first, again) == (True, False)
    assert LedgerEntry.objects.cash(account.pk) == D("1000500.50")
    with pytest.raises(InsufficientFunds, match=r"₹20,00,000\.00"):
        transfer_money(account.pk, D(-2_000_000), key="too much")


@pytest.mark.parametrize(
    ("quantity", "price", "columns"),
    [(0, "1", {}), (1, "0", {}), (1, "-1", {}), (1, "1.00001", {}), (1, "1", {"trade_id": ""})],
)
def test_a_report_that_is_no_trade_is_refused(
    trade_of: TradeOf, quantity: int, price: str, columns: dict[str, str]
) -> None:
    with pytest.raises(ValueError):
        trade_of(quantity, price, **columns)


def test_different_products_of_one_share_are_held_apart(account: Account, trade_of: TradeOf) -> None:
    book_trade(trade_of(10, "1500", product="CNC"))
    book_trade(trade_of(-10, "1500", product="MIS"))
    quantities = dict(Position.objects.values_list("product", "quantity"))
    assert quantities == {"CNC": 10, "MIS": -10}


def test_an_account_nets_what_its_portfolios_hold(account: Account, infy: Instrument, trade_of: TradeOf) -> None:
    momentum = ensure_portfolio(account, account.pk, "momentum")
    book_trade(trade_of(10, "1500"))
    book_trade(trade_of(-4, "1500", portfolio_id=momentum.pk))
    assert Position.objects.net_quantity(account.pk, infy.pk, "MIS") == 6
