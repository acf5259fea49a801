"""The lab's pages as laid out: nothing lies under anything else, and what a reader wants first stands first."""

from typing import Any

import pytest

from alphapanda.dashboard.tests.conftest import SampleDay
from alphapanda.dashboard.tests.test_the_lab_asks_and_shows_backtests import make_backtest
from trading.models import Strategy

pytestmark = [pytest.mark.django_db(transaction=True)]
LONG = "not in the instruments loaded: " + ", ".join(f"NSE:NOSUCHSHARE{nth}" for nth in range(20))
UNDER_ITS_MIDDLE = """(one) => {
  const box = one.getBoundingClientRect();
  return one.contains(document.elementFromPoint(box.x + box.width / 2, box.y + box.height / 2));
}"""

SENT = "sets => sets.filter((one) => !one.hidden && !one.disabled).map((one) => one.dataset.value)"


@pytest.mark.parametrize("width", [1440, 1300, 1100, 390])
def test_cancel_is_in_sight_however_long_a_message_is(open_page: Any, sample: SampleDay, width: int) -> None:
    make_backtest("failed", error=LONG)
    make_backtest("running")
    page = open_page("/lab/", "phone" if width < 720 else "desk")
    page.set_viewport_size({"width": width, "height": 1000})
    cancel = page.get_by_role("button", name="Cancel")
    assert cancel.evaluate(UNDER_ITS_MIDDLE)
    assert page.evaluate("document.documentElement.scrollWidth <= innerWidth")


def test_the_whole_message_of_a_row_is_told_by_its_title(open_page: Any, sample: SampleDay) -> None:
    make_backtest("failed", error=LONG)
    assert open_page("/lab/").locator(".backtests td.grow").get_attribute("title") == LONG


def test_on_a_phone_the_figures_and_what_to_know_come_before_all_else(open_page: Any, sample: SampleDay) -> None:
    page = open_page(f"/lab/{make_backtest().pk}/", "phone")
    titles = page.locator("#sheet h2").all_inner_texts()
    assert titles[:2] == ["Figures", "What to know"]
    assert titles[-1] == "Trades"
    tops = [page.locator("#sheet h2").nth(nth).bounding_box()["y"] for nth in range(len(titles))]
    assert tops == sorted(tops)
    assert tops[0] < 844  # on the first screen


def test_only_the_chosen_strategys_parameters_are_shown_and_sent(open_page: Any, sample: SampleDay) -> None:
    Strategy.objects.get_or_create(name="momentum", defaults={"title": "Momentum breakout"})
    page = open_page("/lab/")
    sets = page.locator("fieldset[data-chosen-by]")
    for name in ("momentum", "mean_reversion"):
        page.select_option("#id_strategy", name)
        shown = sets.evaluate_all(
            "all => all.filter((one) => !one.hidden && !one.disabled).map((one) => one.dataset.value)"
        )
        assert shown == [name]
        assert page.locator(f"#p-{name}\\.interval").is_visible()


def test_without_scripts_each_strategys_parameters_stand_under_its_name(open_page: Any, sample: SampleDay) -> None:
    Strategy.objects.get_or_create(name="momentum", defaults={"title": "Momentum breakout"})
    page = open_page("/lab/", java_script_enabled=False)
    legends = page.locator("fieldset[data-chosen-by] legend").all_inner_texts()
    assert {"Parameters of Momentum breakout", "Parameters of Mean reversion"} <= set(legends)
