"""What one request is refused for, all others would be: the account stops, in words, and its exits wait."""

from django.core.management import call_command

from portfolio.models import Position
from tests.stories.oracle import violations
from trading.brokers import standing as standing_rules
from trading.models import BrokerSession, BrokerStanding, Order
from trading.orders.broker_port import SessionExpired

ADDRESS = {"status": 403, "error_type": "PermissionException", "message": "IP not allowed to place orders for this app"}


def standing():
    return BrokerStanding.objects.values_list("state", "code").first()


def test_a_dead_token_stops_the_account_at_the_first_order_and_a_login_lets_it_go_on(live):
    live.sim.fault("expire_token", api_key=session_key(live))
    live.buy(1, product="MIS")
    first = live.until_state("not_placed")
    assert first.state_reason.startswith("Incorrect `api_key` or `access_token`")
    assert (standing(), BrokerSession.objects.get().state) == (("down", "login"), "expired")
    second = live.buy(1, product="MIS")
    live.work()
    second.refresh_from_db()
    assert (second.state, second.decision.refusal_codes) == ("denied", ["BROKER"])
    live.log_in()
    assert standing() == ("normal", "")
    live.look()
    live.buy(1, product="MIS")
    live.until_state("filled")
    assert violations(live) == []


def test_a_refused_address_is_one_call_and_only_a_person_lets_orders_go_again(live):
    live.sim.fault("http", **ADDRESS)
    live.buy(1, product="MIS")
    live.until_state("not_placed")
    for _ in range(3):
        live.buy(1, product="MIS")
        live.work()
    assert (len(live.sent()), standing()) == (1, ("down", "address"))
    live.sim.clear_faults()
    live.log_in()
    assert standing() == ("down", "address")
    call_command("allow_orders", "Zerodha A", "--by", "tests")
    live.look()
    live.buy(1, product="MIS")
    live.until_state("filled")


def test_an_exit_waits_for_its_broker_and_leaves_by_itself_afterwards(live):
    live.buy(3, product="MIS")
    live.until_state("filled")
    live.sim.fault("http", **ADDRESS)
    live.look()
    live.buy(1, product="MIS")
    live.until_state("not_placed")
    calls = len(live.sent())
    live.buy(3, side="SELL", product="MIS")
    for _ in range(3):
        live.work()
    assert (Order.objects.latest("id").state, len(live.sent())) == ("created", calls)
    live.sim.clear_faults()
    call_command("allow_orders", "Zerodha A", "--by", "tests")
    live.until(lambda: Position.objects.get().quantity == 0, "flat")


def test_a_refusal_of_the_token_before_a_new_login_stops_nothing(live):
    """The request was out with the old one: the account must not wait for a login it has had."""
    standing_rules.note_refusal(live.account, SessionExpired("Incorrect `api_key` or `access_token`."))
    assert standing() is None
    BrokerSession.objects.update(state="expired")
    standing_rules.note_refusal(live.account, SessionExpired("Incorrect `api_key` or `access_token`."))
    assert standing() == ("down", "login")


def test_too_many_requests_are_one_orders_trouble_and_no_accounts(live):
    live.sim.fault("http", count=1, status=429, error_type="NetworkException", message="Too many requests")
    live.buy(1, product="MIS")
    live.until_state("not_placed")
    assert standing() is None
    live.look()
    live.buy(2, product="MIS")
    live.until_state("filled")


def session_key(live):
    return BrokerSession.objects.get(account=live.account).api_key
