"""Each act of the pages does one thing, and says in words what came of it."""

from typing import Any

import pytest
from django.db import OperationalError
from django.urls import reverse

from alphapanda.core.journal.models import DeadLetter
from alphapanda.dashboard.sign_in_links import make_sign_in_link
from alphapanda.dashboard.tests.conftest import NOW, SampleDay
from alphapanda.dashboard.views import acts, asking
from market.models import Feed, Subscription
from market.subscriptions import TooManyInstruments, subscribe_instrument
from portfolio.booking import ensure_portfolio
from portfolio.models import Position
from trading.models import Gate, Order, Signal
from trading.orders import watching
from trading.orders.watching import REF, drop_unneeded
from trading.risk.assessment import assess_signals
from trading.strategies.parameters import StrategyParameters


def said(answer: Any) -> str:
    return " ".join(str(message) for message in answer.context["messages"])


def post(reader: Any, name: str, *args: Any, **fields: Any) -> Any:
    return reader.post(reverse(f"dashboard:{name}", args=args), fields, follow=True)


@pytest.mark.parametrize("level", ["reduce_only", "halted"])
def test_a_level_sets_the_gate_and_names_orders_on_their_way(reader: Any, sample: SampleDay, level: str) -> None:
    sample.order("open")
    answer = post(reader, "gate", level=level)
    assert Gate.objects.get(is_global=True).state == level
    assert "not stopped by it: 1 order (Buy 240 INFY)" in said(answer)


def test_a_level_that_is_none_changes_nothing(reader: Any, sample: SampleDay) -> None:
    assert "There is no level" in said(post(reader, "gate", level="explode"))
    assert Gate.objects.get(is_global=True).state == "active"


def test_cancel_all_asks_for_every_working_order(reader: Any, sample: SampleDay) -> None:
    sample.order("open"), sample.order("open")
    assert "Asked to cancel 2 orders" in said(post(reader, "gate", level="cancel_all"))
    assert Order.objects.filter(cancel_requested_at__isnull=False).count() == 2


def test_an_order_is_asked_to_cancel_once(reader: Any, sample: SampleDay) -> None:
    order = sample.order("open")
    assert "Asked to cancel: Buy 240 INFY" in said(post(reader, "cancel_order", order.pk))
    order.refresh_from_db()
    assert order.cancel_requested_by == "mehta"


def test_a_finished_order_cannot_be_cancelled(reader: Any, sample: SampleDay) -> None:
    order = sample.order("open", filled=240)
    assert "it is filled already" in said(post(reader, "cancel_order", order.pk))


def test_a_refused_act_says_why(reader: Any, sample: SampleDay) -> None:
    assert "is not stopped" in said(post(reader, "deployment_act", sample.deployment.pk, "start"))


def test_an_unknown_act_is_not_found(reader: Any, sample: SampleDay) -> None:
    assert post(reader, "deployment_act", sample.deployment.pk, "delete").status_code == 404


def test_a_wrong_parameter_is_shown_beside_its_field(reader: Any, sample: SampleDay) -> None:
    type(sample.deployment).objects.update(state="stopped")
    answer = post(reader, "deployment_act", sample.deployment.pk, "parameters", period="1000")
    assert answer.status_code == 200
    assert "aria-invalid" in answer.content.decode()


def test_what_belongs_to_no_field_is_shown_above_them(reader: Any, sample: SampleDay, monkeypatch: Any) -> None:
    monkeypatch.setattr(StrategyParameters, "conflicts", lambda self: ["too wide"])
    type(sample.deployment).objects.update(state="stopped")
    answer = post(reader, "deployment_act", sample.deployment.pk, "parameters", period="20")
    assert "conflicts: its code yields &#x27;too wide&#x27;, not a parameter" in answer.content.decode()


@pytest.fixture
def watched(sample: SampleDay, monkeypatch: pytest.MonkeyPatch) -> SampleDay:
    """INFY is subscribed, and nobody is at work who would judge."""
    subscribe_instrument(Feed.objects.get(), sample.infy)
    monkeypatch.setattr(asking, "GATE_SECONDS", 0)
    return sample


def test_an_order_by_hand_goes_to_the_gate(reader: Any, watched: SampleDay) -> None:
    answer = post(reader, "place_order", **an_order(watched))
    assert "Asked the gate" in said(answer)
    assert "It is judged in a moment" in said(answer)
    assert Signal.objects.get(kind="manual").asked_by == "mehta"


def test_what_the_gate_refuses_is_said_where_it_was_asked(
    reader: Any, watched: SampleDay, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(asking, "_until", lambda is_so, seconds: assess_signals(watched.account.pk))
    page = post(reader, "place_order", **an_order(watched, price="1484.23")).content.decode()
    assert "Refused by the gate. TICK: price 1484.23 is off the tick of 0.05: 1,484.20 or 1,484.25." in page
    assert 'value="1484.23"' in page  # what was typed is there to be put right
    assert "Refused</span>" in page  # and it stays in Orders


def judge_at_once(sample: SampleDay, monkeypatch: pytest.MonkeyPatch) -> None:
    """Nobody is at work in these tests: what the page waits for comes now, a price aside."""
    monkeypatch.setattr(asking, "PRICE_SECONDS", 0)
    monkeypatch.setattr(asking, "GATE_SECONDS", 0)
    monkeypatch.setattr(acts, "await_answers", lambda signals: (
        assess_signals(sample.account.pk), asking.await_answers(signals)
    )[1])  # fmt: skip


def test_what_nobody_watched_is_subscribed_and_said(
    reader: Any, sample: SampleDay, monkeypatch: pytest.MonkeyPatch
) -> None:
    judge_at_once(sample, monkeypatch)
    page = post(reader, "place_order", **an_order(sample)).content.decode()
    assert "Nobody watched NSE:INFY: no price of it has come yet. Ask again soon." in page
    assert Subscription.objects.get().ref == REF


@pytest.mark.parametrize("trouble", [TooManyInstruments("3,000 are carried"), OperationalError("lock timeout")])
def test_a_feed_that_carries_no_more_keeps_nobody_in(
    reader: Any, sample: SampleDay, monkeypatch: pytest.MonkeyPatch, trouble: Exception
) -> None:
    """To sell what one holds is a way out, whether its price is watched or not."""

    def refuse(*_: Any, **__: Any) -> None:
        raise trouble

    judge_at_once(sample, monkeypatch)
    monkeypatch.setattr(watching, "subscribe_instrument", refuse)
    sample.order("open", filled=240)
    Position.objects.update(portfolio=ensure_portfolio(sample.account))  # by hand
    post(reader, "place_order", **an_order(sample, side="SELL", quantity="240", order_type="MARKET", price=""))
    asked = Signal.objects.get(kind="manual")
    assert (asked.state, asked.decision.only_shrinks) == ("ordered", True)


def test_what_was_watched_for_an_order_is_let_go_when_nothing_is_held_or_out(sample: SampleDay) -> None:
    subscribe_instrument(Feed.objects.get(), sample.infy, ref=REF)
    order = sample.order("open")
    assert drop_unneeded() == 0  # it is out
    sample.fill(order, 240)
    assert drop_unneeded() == 0  # it is held
    sample.order("open", side="SELL", filled=240)
    assert drop_unneeded() == 1
    assert drop_unneeded() == 0


def test_what_a_strategy_watches_stays_watched(watched: SampleDay) -> None:
    drop_unneeded()
    assert Subscription.objects.count() == 1


def test_a_symbol_is_enough_where_there_is_only_one(reader: Any, watched: SampleDay) -> None:
    watched.infy.exchange = watched.infy.segment = "BSE"
    watched.infy.save()
    assert "Asked the gate" in said(post(reader, "place_order", **an_order(watched, instrument="infy")))


def test_what_is_not_asked_yet_has_no_label(reader: Any, sample: SampleDay) -> None:
    page = reader.get(reverse("dashboard:orders")).content.decode()
    assert "What is left stands apart" not in page
    assert 'name="apart"' in page


def test_a_wrong_quantity_says_the_right_one(reader: Any, sample: SampleDay) -> None:
    sample.infy.lot_size = 65
    sample.infy.save()
    answer = post(reader, "place_order", **an_order(sample, quantity="70"))
    assert "INFY trades in lots of 65: use 65 or 130." in answer.content.decode()


def test_a_limit_order_needs_its_price(reader: Any, sample: SampleDay) -> None:
    answer = post(reader, "place_order", **an_order(sample, price=""))
    assert "LIMIT needs a price." in answer.content.decode()


def test_an_unknown_symbol_is_named(reader: Any, sample: SampleDay) -> None:
    answer = post(reader, "place_order", **an_order(sample, instrument="NSE:INF"))
    assert "Did you mean NSE:INFY?" in answer.content.decode()


def an_order(sample: SampleDay, **changed: str) -> dict[str, Any]:
    asked = {
        "account": sample.account.pk,
        "side": "BUY",
        "instrument": "NSE:INFY",
        "quantity": "10",
        "order_type": "LIMIT",
        "price": "1500",
        "trigger_price": "",
        "product": "MIS",
    }
    return asked | changed


def test_a_dead_letter_is_dropped_once(reader: Any, sample: SampleDay) -> None:
    letter = DeadLetter.objects.create(task="assess_signals", partition="x", key="y", attempts=3, error="boom")
    assert "dropped" in said(post(reader, "dead_letter_act", letter.pk, "drop"))
    assert "decided already" in said(post(reader, "dead_letter_act", letter.pk, "drop"))


def test_a_sign_in_link_works_once(client: Any, user: Any) -> None:
    link = make_sign_in_link(user)
    assert client.get(link).headers["Location"] == "/"
    client.logout()
    answer = client.get(link, follow=True)
    assert "was used or has expired" in said(answer)


def test_an_expired_link_lets_nobody_in(client: Any, user: Any) -> None:
    link = make_sign_in_link(user, now=NOW.replace(year=2020))
    assert "was used or has expired" in said(client.get(link, follow=True))


def test_a_forged_link_lets_nobody_in(client: Any, db: None) -> None:
    assert "was used or has expired" in said(client.get("/sign-in/not-a-token/", follow=True))


def test_the_theme_is_kept_in_a_cookie_and_never_leads_away(client: Any, db: None) -> None:
    answer = client.post("/theme/", {"theme": "dark"}, headers={"Referer": "https://evil.example/"})
    assert answer.cookies["theme"].value == "dark"
    assert answer.headers["Location"] == "/"


def test_acts_are_not_links(reader: Any, sample: SampleDay) -> None:
    assert reader.get(reverse("dashboard:gate")).status_code == 405


def test_a_wrong_password_is_said_plainly(client: Any, user: Any) -> None:
    answer = client.post("/sign-in/", {"username": "mehta", "password": "wrong"})
    assert "Name or password is wrong." in answer.content.decode()


def test_a_password_leads_back_to_the_page_that_was_asked_for(client: Any, user: Any) -> None:
    given = {"username": "mehta", "password": "a long enough secret"}
    assert client.post("/sign-in/", given | {"next": "/orders/"}).headers["Location"] == "/orders/"
    assert client.post("/sign-in/", given | {"next": "https://evil.example/"}).headers["Location"] == "/"
