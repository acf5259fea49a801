"""The ticket asks the server as it is filled in, stands beside the blotter, and works without scripts."""

from typing import Any

import pytest

from alphapanda.dashboard.tests.conftest import SampleDay
from alphapanda.dashboard.tests.test_the_ticket_is_reckoned import option, quote, ready  # noqa: F401 (a fixture)
from tests.browser.test_axe_finds_nothing import findings

pytestmark = [pytest.mark.django_db(transaction=True)]
FILLED = "/orders/?side=BUY&quantity=240&instrument=NSE:INFY"


def test_its_figures_follow_what_is_typed(open_page: Any, ready: SampleDay) -> None:  # noqa: F811
    page = open_page("/orders/")
    page.locator("summary", has_text="Place an order by hand").click()
    page.fill("#id_quantity", "240")
    page.fill("#id_instrument", "NSE:INFY")
    page.locator("#ticket .last", has_text="1,512.40").wait_for()
    assert page.locator("#ticket .depth tbody tr").count() == 5
    assert page.locator("#id_price").is_hidden()  # nothing at market is asked for a price
    page.select_option("#id_order_type", "LIMIT")
    page.fill("#id_price", "1484.23")
    page.locator("#ticket .sends", has_text="refuse it now: price 1484.23 is off the tick").wait_for()
    assert page.locator("#place button[data-does]").inner_text() == "Buy 240 INFY in practice"
    assert page.problems == []


def test_what_was_searched_is_chosen_by_a_press(open_page: Any, ready: SampleDay) -> None:  # noqa: F811
    option()
    page = open_page("/orders/?side=BUY", "phone")
    page.fill("#id_instrument", "nifty 25000")
    page.locator("#ticket .found button", has_text="NIFTY 25000 CE").press("Enter")
    assert page.locator("#id_instrument").input_value() == "NFO:NIFTY26NOV25000CE"
    page.locator("#ticket .found li").first.wait_for(state="detached")
    assert page.evaluate("document.activeElement.id") == "id_quantity"


def test_a_server_that_does_not_answer_is_said(open_page: Any, ready: SampleDay) -> None:  # noqa: F811
    page = open_page(FILLED)
    page.route("**/reckon/", lambda route: route.abort())
    page.fill("#id_quantity", "10")
    page.locator("#ticket-lost").wait_for()
    page.unroute("**/reckon/")
    page.locator("#ticket-lost").wait_for(state="hidden")


@pytest.mark.parametrize(("size", "beside"), [("desk", True), ("phone", False)])
def test_it_stands_beside_the_blotter_where_there_is_room(
    open_page: Any, ready: SampleDay, size: str, beside: bool  # noqa: F811
) -> None:  # fmt: skip
    page = open_page(FILLED, size)
    ticket, blotter = (page.locator(where).bounding_box() for where in (".ticket", ".beside-it"))
    assert (ticket["x"] >= blotter["x"] + blotter["width"] - 1) == beside
    button = page.locator("#place button[data-does]").bounding_box()
    assert button["y"] + button["height"] <= page.viewport_size["height"]  # in sight, however long the ticket is
    assert page.evaluate("document.documentElement.scrollWidth <= innerWidth")


def test_axe_finds_nothing_in_it(open_page: Any, ready: SampleDay) -> None:  # noqa: F811
    page = open_page(f"{FILLED}&order_type=LIMIT")
    page.locator("#ticket .depth").wait_for()
    assert findings(page) == []


def test_without_scripts_its_figures_come_with_the_page(open_page: Any, ready: SampleDay) -> None:  # noqa: F811
    page = open_page(FILLED, java_script_enabled=False)
    assert "1,512.40" in page.locator("#ticket").inner_text()
    assert page.locator("#place button[data-does]").inner_text() == "Ask the gate"
