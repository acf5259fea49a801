"""The flight check and the day's logins on a phone: what the policy of the page and the cookies let through."""

from decimal import Decimal
from typing import Any

import pytest
from django.conf import settings

from alphapanda.dashboard.tests.conftest import NOW, SampleDay
from alphapanda.dashboard.views import morning
from portfolio.booking import open_account
from portfolio.models import Account
from tests.browser.test_axe_finds_nothing import findings
from trading import logins
from trading.models import BrokerSession

pytestmark = [pytest.mark.django_db(transaction=True)]


@pytest.fixture
def kite(sample: SampleDay) -> Account:
    return open_account("Practice", "live", "zerodha", Decimal(0), Decimal(5))


def test_the_browser_goes_to_kite_and_comes_back_with_its_state(
    open_page: Any, kite: Account, live_server: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A form may lead there and nowhere else, and the session's cookie comes along on the way back."""
    back = f"{live_server.url}/logins/back/?status=success&request_token=granted&state="
    monkeypatch.setattr(logins, "ask_address", lambda *_: None)
    monkeypatch.setattr(morning, "await_address", lambda state: (f"{settings.KITE_LOGIN_ROOT}?state={state}", ""))
    page = open_page("/logins/", "phone")
    page.route(
        "https://kite.zerodha.com/**",
        lambda route: route.fulfill(status=302, headers={"Location": back + route.request.url.split("state=")[1]}),
    )
    page.get_by_role("button", name="Log in at Kite").click()
    page.wait_for_url("**/logins/")
    assert "its broker process exchanges it now" in page.locator(".said").inner_text()
    assert BrokerSession.objects.get().request_token == "granted"
    assert page.problems == []


def test_what_is_left_of_a_token_is_counted_down(open_page: Any, kite: Account) -> None:
    BrokerSession.objects.create(
        account=kite, state="live", user_id="AB1234", login_at=NOW, expires_at=NOW.replace(hour=9, minute=5)
    )
    page = open_page("/logins/", "phone")
    counter = page.locator(".login .left b")
    first = counter.inner_text()
    page.wait_for_timeout(1300)
    assert first.startswith("2 min ")
    assert counter.inner_text() != first


@pytest.mark.parametrize("path", ["/logins/", "/flight/", "/handover/"])
def test_axe_finds_nothing_and_nothing_scrolls_sideways(open_page: Any, kite: Account, path: str) -> None:
    page = open_page(path, "phone")
    assert page.evaluate("document.documentElement.scrollWidth <= innerWidth")
    assert findings(page) == []
    assert page.problems == []
