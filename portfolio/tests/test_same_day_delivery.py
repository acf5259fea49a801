"""What is bought and sold for delivery on one day is charged as intraday, as the contract note has it."""

from collections import defaultdict
from collections.abc import Callable
from decimal import Decimal
from types import SimpleNamespace
from typing import Any

from hypothesis import given
from hypothesis import settings as examples
from hypothesis import strategies as st

from instruments.models import Instrument
from portfolio.booking import TradeReport, book_trade, charge_uncharged, ensure_portfolio
from portfolio.charging import seeded_rates
from portfolio.domain.charges import Charges, ChargeSegment
from portfolio.domain.costs import ChargeRates
from portfolio.domain.same_day import DeliveryDay
from portfolio.models import Account, ChargeRate
from portfolio.rebuilding import rebuild_account
from portfolio.tests.conftest import DAY

D = Decimal
TradeOf = Callable[..., TradeReport]


def paid(account: Account, **which: Any) -> Decimal:
    return -sum(account.ledger.filter(**which).charges().values_list("amount", flat=True))


def test_bought_and_sold_on_one_day_costs_what_intraday_does_and_no_delivery(
    account: Account, trade_of: TradeOf
) -> None:
    book_trade(trade_of(100, "100", product="CNC"))
    book_trade(trade_of(-100, "101", product="CNC"))
    # Brokerage 3 + 3.03, STT 2.53, exchange 0.31 + 0.31, SEBI 0.01 + 0.01, stamp 0.30, GST 0.60 + 0.60.
    assert paid(account) == D("10.70")
    assert paid(account, kind="dp_charge") == 0
    assert rebuild_account(account) == []


def test_what_is_left_of_the_day_is_delivery(account: Account, trade_of: TradeOf) -> None:
    book_trade(trade_of(100, "100", product="CNC"))
    book_trade(trade_of(-40, "101", product="CNC"))
    # 60 × 100 at 0.1 % delivered, 40 × 101 at 0.025 % squared off.
    assert paid(account, kind="transaction_tax") == D("6.00") + D("1.01")
    assert paid(account, kind="stamp_duty") == D("0.90") + D("0.12")
    assert rebuild_account(account) == []


def test_sold_first_and_bought_back_the_depository_gives_its_charge_back(account: Account, trade_of: TradeOf) -> None:
    book_trade(trade_of(-100, "101", product="CNC"))  # of an earlier day's shares
    assert paid(account, kind="dp_charge") == D("15.34")
    book_trade(trade_of(60, "100", product="CNC"))
    assert paid(account, kind="dp_charge") == D("15.34")
    book_trade(trade_of(60, "100", product="CNC"))
    assert paid(account, kind="dp_charge") == 0
    book_trade(trade_of(-30, "101", product="CNC"))
    book_trade(trade_of(-1, "101", product="CNC"))
    assert paid(account, kind="dp_charge") == D("15.34")
    assert rebuild_account(account) == []


def test_on_another_day_or_another_exchange_nothing_is_squared_off(
    account: Account, infy: Instrument, trade_of: TradeOf
) -> None:
    book_trade(trade_of(100, "100", product="CNC"))
    book_trade(trade_of(-50, "100", product="CNC", day=DAY.replace(day=DAY.day + 1)))
    infy.pk, infy.exchange, infy.segment, infy.instrument_token = None, "BSE", "BSE", 999
    infy.save(force_insert=True)
    book_trade(trade_of(-50, "100", product="CNC", exchange="BSE", instrument_id=infy.pk))
    assert paid(account, kind="transaction_tax") == D("10.00") + D("5.00") + D("5.00")
    assert paid(account, kind="dp_charge") == 2 * D("15.34")


def test_each_portfolio_bears_the_charges_of_its_own_trades(account: Account, trade_of: TradeOf) -> None:
    momentum = ensure_portfolio(account, account.pk, "momentum")
    book_trade(trade_of(100, "100", product="CNC", portfolio_id=momentum.pk))
    book_trade(trade_of(-100, "101", product="CNC"))
    assert (paid(account, portfolio=momentum), paid(account)) == (D("4.22"), D("10.70"))


def test_charges_of_a_squared_off_trade_are_settled_once_the_rate_is_known(account: Account, trade_of: TradeOf) -> None:
    intraday = list(ChargeRate.objects.filter(kind="gst", segment="intraday"))
    ChargeRate.objects.filter(kind="gst", segment="intraday").delete()
    bought, _ = book_trade(trade_of(100, "100", product="CNC"))
    sold, _ = book_trade(trade_of(-100, "101", product="CNC"))
    assert (bought.charges is None, sold.charges) == (False, None)
    ChargeRate.objects.bulk_create(intraday)
    assert charge_uncharged(account) == 1
    assert paid(account) == D("10.70")
    assert rebuild_account(account) == []


RATES = ChargeRates(ChargeRate(**row) for row in seeded_rates())
SIZES = st.integers(-50, 50).filter(bool)


@given(st.lists(st.tuples(SIZES, st.integers(90, 110), st.integers(1, 6)), min_size=1, max_size=20), st.randoms())
@examples(max_examples=200, deadline=None)
def test_what_was_paid_step_by_step_is_what_the_orders_cost_at_the_end(given_trades: list[Any], random: Any) -> None:
    heard = random.sample(range(len(given_trades)), len(given_trades))
    day: DeliveryDay[Any] = DeliveryDay()
    paid_of: dict[str, Charges] = defaultdict(Charges)
    turnover_of, side_of_order = {}, {}
    for number, (size, price, order) in enumerate(given_trades):
        side = side_of_order.setdefault(order, 1 if size > 0 else -1)
        trade = SimpleNamespace(
            instrument_id="INFY", exchange="NSE", day=DAY, broker_order_id=str(order),
            signed_quantity=side * abs(size), price=D(price), exchange_order=heard[number],
        )  # fmt: skip
        for change in day.add_trade(trade).changes:
            paid_of[change.trade.broker_order_id] += RATES.cost_of(change)
            turnover_of[change.trade.broker_order_id] = (change.trade, change.after)
    squared = dict.fromkeys((1, -1), 0)
    for order, (trade, turnover) in turnover_of.items():
        cards = [RATES.card_of("NSE", segment, DAY) for segment in turnover]
        side = "BUY" if trade.signed_quantity > 0 else "SELL"
        whole = [
            card.order_charges(side, rupees).to_paisa() for card, rupees in zip(cards, turnover.values(), strict=True)
        ]
        assert paid_of[order] == whole[0] + whole[1]
        assert all(amount >= 0 for amount in turnover.values())
        squared[1 if side == "BUY" else -1] += turnover[ChargeSegment.INTRADAY] > 0
    assert bool(squared[1]) == bool(squared[-1])
