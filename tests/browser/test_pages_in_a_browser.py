"""What only a browser can tell: layout, keys, ages counted on, and the policy that forbids inline code."""

import re
from typing import Any

import pytest

from alphapanda.dashboard.tests.conftest import SampleDay
from alphapanda.dashboard.tests.test_the_lab_asks_and_shows_backtests import make_backtest
from alphapanda.tests.people import person

pytestmark = [pytest.mark.django_db(transaction=True)]
PATHS = ["/", "/strategies/", "/orders/", "/portfolio/", "/lab/", "/system/"]


@pytest.mark.parametrize("size", ["desk", "phone"])
@pytest.mark.parametrize("path", PATHS)
def test_no_page_scrolls_sideways_or_breaks_the_policy(open_page: Any, sample: SampleDay, path: str, size: str) -> None:
    sample.order("open", filled=120)
    sample.order("unconfirmed")
    sample.signal(state="denied", reason="PRICE_COLLAR: limit 1,298.00 is 3.4 % from last; 2.0 % allowed")
    page = open_page(path, size)
    page.wait_for_timeout(300)
    assert page.evaluate("document.documentElement.scrollWidth <= innerWidth")
    assert page.problems == []


@pytest.mark.parametrize("size", ["desk", "phone"])
def test_the_story_fits_and_shows_each_check(open_page: Any, sample: SampleDay, size: str) -> None:
    order = sample.order("open", filled=240)
    page = open_page(f"/orders/{order.pk}/", size)
    page.wait_for_timeout(300)
    assert page.evaluate("document.documentElement.scrollWidth <= innerWidth")
    assert page.locator(".checks tr").count() >= 2
    assert page.problems == []


@pytest.mark.parametrize("size", ["desk", "phone"])
def test_a_backtest_fits_and_keeps_its_figures(open_page: Any, sample: SampleDay, size: str) -> None:
    page = open_page(f"/lab/{make_backtest().pk}/", size)
    page.wait_for_timeout(300)
    assert page.evaluate("document.documentElement.scrollWidth <= innerWidth")
    assert "−₹1,234.50" in page.locator(".hero").inner_text()
    assert page.problems == []


@pytest.mark.parametrize("path", ["/", "/portfolio/"])
def test_a_position_on_a_phone_is_two_lines_with_its_exit_beside_them(
    open_page: Any, sample: SampleDay, path: str
) -> None:
    sample.order("open", filled=120)
    page = open_page(path, "phone")
    row = page.locator(".t.two tr:has(.p6 button)").first
    button, name, figure = (row.locator(where).bounding_box() for where in (".p6 button", ".p1", ".p2"))
    assert row.bounding_box()["height"] <= 60
    assert (button["height"], button["x"] + button["width"] <= 390) == (44, True)  # a thumb's size, on the page
    assert button["x"] >= figure["x"] + figure["width"] > name["x"] + name["width"]


@pytest.mark.parametrize("is_viewer", [False, True])
def test_scripts_offer_a_viewer_no_act_either(open_page: Any, sample: SampleDay, user: Any, is_viewer: bool) -> None:
    """The scripts paint the shared snapshot over what the server drew for this reader."""
    sample.order("open", filled=120)
    if is_viewer:
        type(user).objects.update(is_superuser=False, is_staff=False)
        user.groups.set([person("other", "viewer").groups.get()])
    page = open_page("/")
    page.wait_for_timeout(700)
    offered = page.locator("button:visible", has_text=re.compile("Exit|Cancel"))
    assert (offered.count() == 0) == is_viewer
    assert page.problems == []


def test_numbers_go_to_places_and_letters_in_fields_do_not(open_page: Any, sample: SampleDay) -> None:
    page = open_page("/")
    page.keyboard.press("3")
    page.wait_for_url("**/orders/")
    page.locator("#f-q").focus()
    page.keyboard.type("2")
    assert page.url.endswith("/orders/")


def test_the_palette_finds_and_asks_before_it_acts(open_page: Any, sample: SampleDay) -> None:
    page = open_page("/")
    page.keyboard.press("Control+k")
    page.keyboard.type("pause mean")
    page.keyboard.press("Enter")
    assert "stops, targets and flat-by time are kept" in page.locator(".palette .ask").inner_text()


def test_the_palette_fills_in_a_ticket_and_sends_nothing(open_page: Any, sample: SampleDay) -> None:
    page = open_page("/")
    page.keyboard.press("Control+k")
    page.keyboard.type("buy 10 infy")
    page.locator(".palette li", has_text="fill in the ticket").wait_for()
    page.keyboard.press("Enter")
    page.wait_for_url("**/orders/?*#place")
    assert page.locator("#id_quantity").input_value() == "10"
    assert page.locator("#id_instrument").input_value() == "NSE:INFY"
    assert page.locator("#place button[data-does]").inner_text() == "Buy 10 INFY in practice"
    page.select_option("#id_side", "SELL")
    assert page.locator("#place button[data-does]").inner_text() == "Sell 10 INFY in practice"
    assert page.problems == []


def test_ages_are_counted_by_the_browser_when_nobody_speaks(open_page: Any, sample: SampleDay) -> None:
    page = open_page("/")
    age = page.locator(".o-limits .age span").first
    first = age.inner_text()
    page.wait_for_timeout(700)
    assert age.inner_text() != first
    assert page.locator("#lost").is_visible()


def test_all_right_does_not_stand_when_nobody_speaks(open_page: Any, sample: SampleDay) -> None:
    page = open_page("/")
    page.locator(".verdict h1", has_text="Not known").wait_for(timeout=15_000)
    assert "It last said" in page.locator(".verdict").inner_text()
    assert set(page.locator(".facts .fact .note").all_inner_texts()) == {"as it was"}
    first = page.locator(".verdict p").first.inner_text()
    page.wait_for_function("(was) => document.querySelector('.verdict p').innerText !== was", arg=first)


APPLY = """async (orders) => {
  const { apply } = await import("/static/dashboard/js/bind.js");
  const data = JSON.parse(document.getElementById("snapshot").textContent);
  for (const rows of orders) apply(document.body, { ...data, orders: { ...data.orders, rows } });
}"""


def test_a_key_names_one_row_however_often_it_is_told(open_page: Any, sample: SampleDay) -> None:
    sample.order("open")
    page = open_page("/")
    row = page.evaluate("JSON.parse(document.getElementById('snapshot').textContent).orders.rows[0]")
    page.evaluate(APPLY, [[row, row], [row]])
    assert page.locator(f".o-orders [data-key='{row['key']}']").count() == 1
    page.evaluate("(key) => document.querySelector(`[data-key='${key}']`).after("
                  "document.querySelector(`[data-key='${key}']`).cloneNode(true))", row["key"])  # fmt: skip
    page.evaluate(APPLY, [[row]])
    assert page.locator(f".o-orders [data-key='{row['key']}']").count() == 1


def test_the_clock_never_runs_back(open_page: Any, sample: SampleDay) -> None:
    """A snapshot is older than the page when it comes; another day of practice is told, and believed."""
    page = open_page("/")
    moved = page.evaluate("""async () => {
      const { marketNow, setClock } = await import("/static/dashboard/js/ages.js");
      const said = (seconds, days = 0) => {
        const at = new Date(Date.now() + seconds * 1000), market = new Date(at.getTime() + days * 86400000);
        setClock({ market: market.toISOString(), wall: at.toISOString(), rate: 1 });
        return Math.round((marketNow() - Date.now()) / 1000);
      };
      said(3600);
      return [said(3600), said(3597), said(3602), said(3597, 1)];
    }""")
    assert moved == [3600, 3600, 3602, 3597 + 86400]


def test_without_scripts_the_page_is_whole(open_page: Any, sample: SampleDay) -> None:
    sample.order("open", filled=120)
    page = open_page("/", java_script_enabled=False)
    text = page.locator("body").inner_text()
    for words in ("Net today", "Kill switch", "INFY", "unknown", "at 14:32"):
        assert words in text


def test_the_kill_switch_halts_by_keys_alone(open_page: Any, sample: SampleDay) -> None:
    page = open_page("/")
    page.keyboard.press("k")
    page.keyboard.press("2")
    assert "Every new order is refused" in page.locator(".ask").inner_text()
    page.keyboard.press("Enter")
    page.wait_for_selector(".gate-banner[data-gate=halted]:visible")
    assert "Halted by mehta" in page.locator(".verdict h1").inner_text()


def test_stop_on_a_phone_opens_the_switch_itself(open_page: Any, sample: SampleDay) -> None:
    page = open_page("/orders/", "phone")
    page.click("header .stop")
    page.wait_for_selector("#kill-switch .shut:visible")
    box = page.locator("#kill-switch").bounding_box()
    assert (box["x"], box["y"], box["width"]) == (0, 0, 390)
    page.click("#kill-switch .shut")
    page.wait_for_selector("#kill-switch .shut", state="hidden")


@pytest.mark.parametrize("size", ["desk", "phone"])
@pytest.mark.parametrize("path", ["/", "/lab/"])
def test_what_a_button_is_called_holds_the_words_it_shows(
    open_page: Any, sample: SampleDay, path: str, size: str
) -> None:
    """Who speaks to a browser says what stands there (WCAG 2.5.3)."""
    page = open_page(path, size)
    named = page.evaluate(
        "[...document.querySelectorAll('button[aria-label], a[aria-label]')].filter((one) => one.innerText.trim())"
        ".map((one) => [one.innerText.trim().split(/\\s+/).join(' '), one.ariaLabel])"
    )
    assert [pair for pair in named if pair[0].lower() not in pair[1].lower()] == []


def test_a_link_among_words_is_told_by_more_than_its_colour(open_page: Any, sample: SampleDay) -> None:
    page = open_page(f"/orders/{sample.order('open').pk}/")
    line = page.locator(".crumbs a").first.evaluate("(link) => getComputedStyle(link).textDecorationLine")
    assert line == "underline"


@pytest.mark.parametrize("size", ["desk", "phone"])
def test_fills_are_rings_on_the_days_curve_and_a_list_that_keys_open(
    open_page: Any, sample: SampleDay, size: str
) -> None:
    sample.order("open", filled=120)
    page = open_page("/", size)
    page.locator(".curve .mark").first.wait_for(state="attached")
    assert page.locator(".curve .mark title").first.text_content() == "14:32 Bought 120 INFY at 1,512.37"
    page.locator(".filled summary").press("Enter")
    row = page.locator(".filled li")
    assert row.inner_text() == "14:32 Bought 120 INFY at 1,512.37"
    box = row.bounding_box()
    assert 0 <= box["x"] <= box["x"] + box["width"] <= page.viewport_size["width"]
