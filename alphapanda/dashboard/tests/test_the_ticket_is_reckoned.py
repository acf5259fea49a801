"""The ticket says before it is sent what an order by hand comes to, by the functions the gate itself uses."""

from datetime import timedelta
from decimal import Decimal
from typing import Any

import pytest
from django.db import transaction
from django.urls import reverse

from alphapanda.dashboard.tests.conftest import DAY, NOW, SampleDay
from alphapanda.tests.people import person
from instruments.models import FreezeQuantity, Instrument, ProtectionStep
from market.domain.staleness import Liveness
from market.domain.ticks import TickBatch
from market.models import Feed, Subscription
from market.quotes import FeedState, QuoteBoard
from market.subscriptions import subscribe_instrument
from market.tests.frames import full_rows
from portfolio.booking import TradeReport, book_trade, ensure_portfolio
from portfolio.charging import seed_charge_rates
from portfolio.models import ChargeRate
from trading.models import Order, PriceBand, Signal
from trading.risk.assessment import assess_signals

ADDRESS = "dashboard:reckon_order"
JSON = {"HTTP_ACCEPT": "application/json"}


def quote(valkey: Any, instrument: Instrument, last: int = 151_240, **columns: Any) -> None:
    """Put up a price (paise) and five levels a tick apart, two seconds old."""
    at = NOW - timedelta(seconds=2)
    tick = {"token": instrument.instrument_token, "last_price": last, "exchange_timestamp": int(at.timestamp())}
    board = QuoteBoard(valkey)
    board.write(TickBatch(full_rows({**tick, "close": 150_000, **columns}), int(at.timestamp() * 1000)), at, "kite")
    # In lockstep, or a slow machine would find a feed that has been silent for six seconds.
    board.write_feed(FeedState("kite", Liveness.LIVE, connected=True, market_time=NOW, lockstep=True))


@pytest.fixture
def ready(sample: SampleDay, valkey: Any) -> SampleDay:
    valkey.flushdb()
    seed_charge_rates()
    quote(valkey, sample.infy)
    return sample


def asked(sample: SampleDay, **other: Any) -> dict[str, Any]:
    usual = {
        "account": sample.account.pk, "side": "BUY", "instrument": "NSE:INFY", "quantity": 240,
        "order_type": "LIMIT", "price": "1512.40", "product": "MIS",
    }  # fmt: skip
    return {name: value for name, value in {**usual, **other}.items() if value is not None}


def reckon(reader: Any, sample: SampleDay, **other: Any) -> dict[str, Any]:
    answer = reader.post(reverse(ADDRESS), asked(sample, **other), **JSON)
    assert answer.status_code == 200
    return dict(answer.json())


def said(ticket: dict[str, Any], group: str) -> dict[str, str]:
    return {row["name"]: row["words"] for row in ticket[group]}


def test_a_price_is_shown_with_its_age_and_five_levels(reader: Any, ready: SampleDay) -> None:
    ticket = reckon(reader, ready)
    assert (ticket["last"], ticket["change"]) == ("1,512.40", "+0.83\u00a0% on the day before")
    assert (ticket["age"]["state"], ticket["age"]["at"]) == ("live", "2026-11-20T14:32:06.000+05:30")
    assert len(ticket["depth"]) == 5
    assert ticket["depth"][0] == {
        "key": "0", "bid_quantity": "100", "bid": "1,512.35", "ask": "1,512.45", "ask_quantity": "100"
    }  # fmt: skip


def test_the_gate_is_asked_and_nothing_is_kept(reader: Any, ready: SampleDay) -> None:
    ticket = reckon(reader, ready)
    assert "The gate would pass it now" in ticket["verdict"]["words"]
    assert ticket["reasons"] == []
    assert not Signal.objects.filter(kind="manual").exists()
    assert not Order.objects.exists()


def test_what_it_says_is_what_the_gate_says(reader: Any, ready: SampleDay) -> None:
    """The same order, asked of the ticket and then sent, meets the same rules in the same words."""
    wrong = {"price": "1484.23"}
    reasons = reckon(reader, ready, **wrong)["reasons"]
    reader.post(reverse("dashboard:place_order"), asked(ready, **wrong))
    assess_signals(ready.account.pk)
    decision = Signal.objects.get(kind="manual").decision
    assert [row["key"] for row in reasons] == decision.refusal_codes
    assert [row["words"] for row in reasons] == [c["words"] for c in decision.checks if not c["passed"]]


def test_charges_are_those_the_books_would_charge(reader: Any, ready: SampleDay) -> None:
    with_charges = said(reckon(reader, ready), "money")["Charges"]
    order = ready.order("open", filled=240, price="1512.40")
    booked = order.fills.get().trade.charges
    assert with_charges.startswith(f"about ₹{booked:.2f} at 1,512.40")


def test_a_rate_that_is_not_known_is_not_zero(reader: Any, sample: SampleDay, valkey: Any) -> None:
    valkey.flushdb()
    quote(valkey, sample.infy)
    ChargeRate.objects.all().delete()
    assert said(reckon(reader, sample), "money")["Charges"].startswith("unknown: no brokerage rate is known")


@pytest.mark.parametrize(
    ("side", "stop", "words"),
    [
        ("BUY", "1500.00", "from 1,512.40 to 1,500.00 with charges"),
        ("SELL", "1520.00", "from 1,512.40 to 1,520.00 with charges"),
        ("BUY", "1520.00", "a stop of this order stands below 1,512.40"),
        ("SELL", "1500.00", "a stop of this order stands above 1,512.40"),
        ("BUY", None, "unknown: name a planned stop; without one all of it, ₹3.63\u00a0L"),
        ("SELL", None, "unknown: name a planned stop; without one it has no bound"),
    ],
)
def test_the_loss_to_a_planned_stop_is_told(
    reader: Any, ready: SampleDay, side: str, stop: str | None, words: str
) -> None:
    assert words in said(reckon(reader, ready, side=side, stop=stop), "money")["Loss to the stop"]


def test_the_loss_counts_the_charges_of_both_ways(reader: Any, ready: SampleDay) -> None:
    money = said(reckon(reader, ready, stop="1500.00"), "money")
    loss = Decimal(money["Loss to the stop"].split(",  ")[0].split(", from")[0].lstrip("₹").replace(",", ""))
    assert Decimal(240) * Decimal("12.40") < loss < Decimal(240) * Decimal("12.40") + 200


def test_at_market_the_worst_price_is_what_its_protection_allows(reader: Any, ready: SampleDay) -> None:
    ProtectionStep.objects.all().delete()
    ProtectionStep.objects.create(
        kind="slab", contract="share", effective_from=DAY, percent=Decimal(1), source="a test"
    )
    ticket = reckon(reader, ready, order_type="MARKET", price=None, stop="1500.00")
    assert said(ticket, "exchange")["Market protection"] == "pays at most 1,527.55"
    assert "from 1,527.55 to 1,500.00" in said(ticket, "money")["Loss to the stop"]


def test_a_stop_is_never_sent_with_the_order(reader: Any, ready: SampleDay) -> None:
    reader.post(reverse("dashboard:place_order"), asked(ready, stop="1500.00"))
    assert Signal.objects.get(kind="manual").stop is None


def option(token: int = 12_000_002) -> Instrument:
    return Instrument.objects.create(
        exchange="NFO", tradingsymbol="NIFTY26NOV25000CE", name="NIFTY", instrument_type="CE", segment="NFO-OPT",
        strike=Decimal(25000), expiry=DAY + timedelta(days=4), tick_size=Decimal("0.05"), lot_size=65,
        instrument_token=token, exchange_token=token // 256, first_seen=DAY,
    )  # fmt: skip


def test_more_than_the_freeze_quantity_says_how_many_orders(reader: Any, ready: SampleDay) -> None:
    option()
    FreezeQuantity.objects.create(
        exchange="NFO", underlying="NIFTY", effective_from=DAY, quantity=1800, source="a test"
    )
    nifty = {"instrument": "NFO:NIFTY26NOV25000CE", "product": "NRML", "price": "100"}
    exchange = said(reckon(reader, ready, quantity=1950, **nifty), "exchange")
    assert exchange["Freeze"] == "1,800 at once: 2 orders, 1,755 + 195"
    assert exchange["Lot"] == "65, on ticks of 0.05"
    assert exchange["Expiry"] == "Tue 24 Nov, in 4 days"
    assert said(reckon(reader, ready, quantity=65, **nifty), "exchange")["Freeze"] == "1,800 at once: one order"


def test_a_wrong_quantity_says_the_right_one(reader: Any, ready: SampleDay) -> None:
    option()
    ticket = reckon(reader, ready, instrument="NFO:NIFTY26NOV25000CE", quantity=100, product="NRML", price="100")
    assert said(ticket, "reasons")["Quantity"] == "NIFTY trades in lots of 65: use 65 or 130."
    assert "The gate is not asked yet" in ticket["verdict"]["words"]


def test_the_days_band_is_told_with_its_time_and_an_unknown_one_as_unknown(reader: Any, ready: SampleDay) -> None:
    assert said(reckon(reader, ready), "exchange")["Price band"].startswith("unknown")
    PriceBand.objects.create(instrument=ready.infy, day=DAY, low=1360, high=1663, told_at=NOW - timedelta(hours=6))
    assert said(reckon(reader, ready), "exchange")["Price band"] == "1,360.00 to 1,663.00, told at 08:32"


def test_a_derivative_on_a_share_says_that_the_ban_is_not_known(reader: Any, ready: SampleDay) -> None:
    future = option()
    Instrument.objects.filter(pk=future.pk).update(
        tradingsymbol="INFY26NOVFUT", name="INFY", instrument_type="FUT", segment="NFO-FUT", strike=None
    )
    exchange = said(reckon(reader, ready, instrument="NFO:INFY26NOVFUT", quantity=65, product="NRML"), "exchange")
    assert exchange["F&O ban"].startswith("unknown")
    assert "leave it by" in exchange["Expiry"]
    assert "F&O ban" not in said(reckon(reader, ready), "exchange")


def test_it_says_whose_holding_it_would_close(reader: Any, ready: SampleDay) -> None:
    assert "it opens a short" in said(reckon(reader, ready, side="SELL"), "closes")["Nobody's"]
    ready.order("open", filled=240)
    closes = said(reckon(reader, ready, side="SELL"), "closes")
    assert closes["Mean reversion A"] == "holds 240, 240 of it may be closed; you are asked whether it is"
    assert "it opens a long" in said(reckon(reader, ready, side="BUY"), "closes")["Nobody's"]


@transaction.atomic
def buy_by_hand(sample: SampleDay, quantity: int) -> None:
    account = sample.account
    book_trade(TradeReport(
        account_id=account.pk, portfolio_id=ensure_portfolio(account).pk, instrument_id=sample.infy.pk,
        exchange="NSE", day=DAY, trade_id="H1", broker_order_id="H1", order_tag="", product="MIS",
        signed_quantity=quantity, price=Decimal("1512.40"), traded_at=NOW,
    ))  # fmt: skip


def test_ones_own_holding_is_closed_first_and_adds_nothing(reader: Any, ready: SampleDay) -> None:
    buy_by_hand(ready, 100)
    part = reckon(reader, ready, side="SELL", quantity=60)
    assert said(part, "closes") == {"By hand": "sells 60 of your 100"}
    assert said(part, "money")["Funds"] == "none: it closes what is held"
    assert said(part, "money")["Loss to the stop"] == "it only closes what is held: none is added"
    more = reckon(reader, ready, side="SELL", quantity=240)
    assert said(more, "closes") == {"By hand": "sells 100 of your 100"}
    assert said(more, "money")["Loss to the stop"].startswith("unknown")


def test_what_nobody_watches_has_no_price_and_says_so(reader: Any, ready: SampleDay) -> None:
    ticket = reckon(reader, ready, instrument="NSE:TCS", order_type="MARKET", price=None)
    assert (ticket["last"], ticket["age"]["state"], ticket["depth"]) == ("unknown", "unknown", [])
    assert ticket["unwatched"] == "Nobody watches NSE:TCS: no price of it is known."
    assert said(ticket, "money")["Charges"].startswith("unknown")
    assert ticket["verdict"]["tone"] == "fault"


def test_words_are_searched_and_an_exact_name_is_not(reader: Any, ready: SampleDay) -> None:
    option()
    found = reckon(reader, ready, instrument="nif 25000")["found"]
    assert found == [{"key": "NFO:NIFTY26NOV25000CE", "words": "NIFTY 25000 CE 24 Nov, NFO"}]
    assert reckon(reader, ready)["found"] == []


def test_an_empty_form_says_what_is_lacking_and_blames_nobody(reader: Any, ready: SampleDay) -> None:
    ticket = reckon(reader, ready, instrument="", quantity="")
    assert ticket["verdict"]["words"] == "The gate is not asked yet: say instrument and quantity."
    assert (ticket["reasons"], ticket["asked"]) == ([], False)


@pytest.mark.parametrize(
    ("field", "value", "words"),
    [
        ("quantity", "ten", "Enter a whole number."),
        ("price", "-3", "Ensure this value is greater than or equal to 0.01."),
        ("account", "00000000-0000-0000-0000-000000000000", "That choice is not one of the available choices."),
        ("instrument", "NSE:NOWHERE", "No listed instrument NSE:NOWHERE."),
    ],
)
def test_what_cannot_be_read_is_said_in_words(
    reader: Any, ready: SampleDay, field: str, value: str, words: str
) -> None:
    reasons = reckon(reader, ready, **{field: value})["reasons"]
    assert any(words in row["words"] for row in reasons), reasons


def test_an_account_of_another_is_said_to_be(client: Any, ready: SampleDay) -> None:
    client.force_login(person("trader", "trader"))
    assert said(reckon(client, ready), "reasons")["Account"] == "Desk A is not yours: it would be refused"


def test_who_may_not_trade_is_not_told(client: Any, ready: SampleDay) -> None:
    client.force_login(person("viewer", "viewer"))
    assert client.post(reverse(ADDRESS), asked(ready), **JSON).status_code == 403


def test_without_scripts_the_page_watches_its_price_and_shows_the_figures(
    reader: Any, ready: SampleDay, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("alphapanda.dashboard.views.asking.PRICE_SECONDS", 0)
    page = reader.post(reverse(ADDRESS), asked(ready, instrument="NSE:TCS")).content.decode()
    assert Subscription.objects.get().instrument.key == "NSE:TCS"
    assert "Nobody watches NSE:TCS" in page
    assert "The gate would refuse it now" in page
    assert not Signal.objects.filter(kind="manual").exists()


def test_a_ticket_filled_in_by_the_palette_comes_with_its_figures(reader: Any, ready: SampleDay) -> None:
    subscribe_instrument(Feed.objects.get(), ready.infy)
    address = reverse("dashboard:orders") + "?side=BUY&quantity=10&instrument=NSE:INFY"
    page = reader.get(address).content.decode()
    assert "1,512.40" in page
    assert "The gate would pass it now" in page
