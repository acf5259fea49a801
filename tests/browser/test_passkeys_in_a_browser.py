"""A passkey made in a real browser lets its owner in without a password, and is asked for where it is the second."""

from typing import Any

import pytest

from alphapanda.dashboard.tests.conftest import SampleDay

pytestmark = [pytest.mark.django_db(transaction=True)]
KEY = {
    "protocol": "ctap2",
    "transport": "internal",
    "hasResidentKey": True,
    "hasUserVerification": True,
    "isUserVerified": True,
    "automaticPresenceSimulation": True,
}


def with_authenticator(page: Any) -> None:
    """Put a virtual one into this browser; it answers by itself."""
    session = page.context.new_cdp_session(page)
    session.send("WebAuthn.enable")
    session.send("WebAuthn.addVirtualAuthenticator", {"options": KEY})


def test_a_passkey_is_made_and_lets_its_owner_in_alone(open_page: Any, sample: SampleDay) -> None:
    page = open_page("/you/")
    with_authenticator(page)
    page.get_by_role("link", name="Add a passkey").click()
    page.get_by_label("Passwordless").check()
    page.get_by_role("button", name="Add it").click()
    page.wait_for_url("**/recovery-codes/")
    assert page.locator(".codes li").count() == 10
    page.goto("/you/")
    assert "Passkey 1, without a password" in page.locator("dl").inner_text()
    page.goto("/you/again/passkey/?next=/you/")
    page.get_by_role("button", name="Show your passkey").click()
    page.wait_for_url("**/you/")
    page.get_by_role("button", name="Sign out").click()
    page.get_by_role("button", name="Sign in with a passkey").click()
    page.wait_for_selector("#kill-switch")
    assert page.problems == []


def test_at_an_address_of_numbers_it_is_said_why_there_are_none(open_page: Any, sample: SampleDay) -> None:
    page = open_page("/you/passkeys/add/", host="127.0.0.1")
    assert "not by a number" in page.locator("#passkey-trouble").inner_text()
    assert page.get_by_role("button", name="Add it").is_disabled()
