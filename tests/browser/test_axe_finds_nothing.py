"""Axe (WCAG 2.2 A and AA, and best practice) finds nothing on any page, at either size, in either theme.

By day each size is seen in one theme and each theme at one size; by night all four.
"""

from collections.abc import Iterator
from typing import Any

import pytest
from axe_playwright_python.sync_playwright import Axe

from alphapanda.dashboard.tests.conftest import SampleDay
from alphapanda.dashboard.tests.test_the_lab_asks_and_shows_backtests import make_backtest
from tests.browser.conftest import SIZES
from tests.scale import by_night

pytestmark = [pytest.mark.django_db(transaction=True)]
PATHS = ["/", "/strategies/", "/orders/", "/portfolio/", "/lab/", "/system/", "/you/", "/nowhere/"]
# The frame is Unfold's: it has no main landmark, which is a best practice and no criterion of WCAG, and its search
# and sorting buttons are under the 24 px of WCAG 2.2.
ADMIN = ["/admin/", "/admin/instruments/instrument/", "/admin/trading/risklimit/"]
WCAG = {"runOnly": ["wcag2a", "wcag2aa", "wcag21a", "wcag21aa"]}


def findings(page: Any, options: dict[str, Any] | None = None) -> list[str]:
    """Each violation with the elements it is of."""
    return [found for size, scheme in looks(page) for found in look(page, f"{size}, {scheme}", options)]


def looks(page: Any) -> Iterator[tuple[str, str]]:
    crossed = [("desk", "light"), ("phone", "dark")]
    for size, scheme in [("desk", "dark"), ("phone", "light"), *by_night(crossed, otherwise=[])]:
        page.set_viewport_size(SIZES[size])
        page.emulate_media(color_scheme=scheme)
        page.wait_for_timeout(200)
        yield size, scheme


def look(page: Any, how: str, options: dict[str, Any] | None) -> Iterator[str]:
    for one in Axe().run(page, options=options).response["violations"]:
        yield f"{how}: {one['id']}: {', '.join(node['html'][:200] for node in one['nodes'][:3])}"


def fill(sample: SampleDay) -> Any:
    order = sample.order("open", filled=120)
    sample.order("unconfirmed")
    sample.order("open", filled=240)
    sample.signal(state="denied", reason="PRICE_COLLAR: limit 1,298.00 is 3.4 % from last; 2.0 % allowed")
    return order


@pytest.mark.parametrize("path", PATHS)
def test_a_page_has_no_finding(open_page: Any, sample: SampleDay, user: Any, path: str) -> None:
    type(user).objects.update(is_staff=True)  # who sees all there is: the processes' log lines too
    fill(sample)
    assert findings(open_page(path)) == []


def test_an_orders_story_has_none(open_page: Any, sample: SampleDay) -> None:
    assert findings(open_page(f"/orders/{fill(sample).pk}/")) == []


def test_a_strategys_page_has_none(open_page: Any, sample: SampleDay) -> None:
    fill(sample)
    assert findings(open_page(f"/strategies/{sample.deployment.pk}/")) == []


def test_a_backtests_result_has_none(open_page: Any, sample: SampleDay) -> None:
    assert findings(open_page(f"/lab/{make_backtest().pk}/")) == []


def test_what_a_stranger_is_told_has_none(open_page: Any, sample: SampleDay, user: Any) -> None:
    type(user).objects.update(is_superuser=False)
    page = open_page("/")
    assert "Your role does not let you see pages" in page.locator("h1").inner_text()
    assert findings(page) == []


def test_signing_in_has_none(open_page: Any, sample: SampleDay) -> None:
    page = open_page("/")
    page.context.clear_cookies()
    page.goto("/sign-in/")
    assert findings(page) == []


@pytest.mark.parametrize("path", ADMIN)
def test_admin_has_none(open_page: Any, sample: SampleDay, user: Any, path: str) -> None:
    type(user).objects.update(is_staff=True, is_superuser=True)
    assert findings(open_page(path), WCAG) == []
