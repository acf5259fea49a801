"""Buttons and forms are offered to who may use them: by role, and a trader on their own accounts only."""

import re
from typing import Any

import pytest
from django.test import Client
from django.urls import reverse

from alphapanda.dashboard.tests.conftest import SampleDay
from alphapanda.tests.people import person
from portfolio.models import Position
from trading.models import Order

BUTTON = re.compile(r"<button\b[^>]*>")


@pytest.fixture
def desk(sample: SampleDay) -> SampleDay:
    """A position, an order at work, and a strategy that is stopped (so that its parameters may change)."""
    sample.order("open", filled=240)
    sample.order("open")
    return sample


def browser(*roles: str, owns: Any = None) -> Client:
    user = person(f"mehta, {' and '.join(roles)}", *roles)
    if owns:
        owns.owners.add(user)
    client = Client()
    client.force_login(user)
    return client


def offered(client: Client, address: str) -> str:
    """The page's buttons that are seen, and its forms."""
    page = client.get(address).content.decode()
    page = re.sub(r"<template>.*?</template>", "", page, flags=re.DOTALL)
    seen = [one for one in BUTTON.findall(page) if " hidden" not in one]
    return "\n".join([*seen, *re.findall(r"<form\b[^>]*>", page)])


def acts_of(desk: SampleDay) -> dict[str, str]:
    """Where each act is asked, by the page it stands on."""
    position, working = Position.objects.get(quantity=240), Order.objects.get(state="open")
    return {
        reverse("dashboard:exit_position", args=[position.pk]): reverse("dashboard:live"),
        reverse("dashboard:cancel_order", args=[working.pk]): reverse("dashboard:orders"),
        reverse("dashboard:deployment_act", args=[desk.deployment.pk, "pause"]): reverse("dashboard:strategies"),
        reverse("dashboard:place_order"): reverse("dashboard:orders"),
        reverse("dashboard:ask_backtest"): reverse("dashboard:lab"),
        reverse("dashboard:gate"): reverse("dashboard:live"),
    }


def reached(client: Client, desk: SampleDay) -> list[bool]:
    return [act in offered(client, page) for act, page in acts_of(desk).items()]


def test_a_viewer_is_offered_nothing(desk: SampleDay) -> None:
    client = browser("viewer")
    assert not any(reached(client, desk))
    page = client.get(reverse("dashboard:live")).content.decode()
    assert "Stop…" not in page
    assert "Pause Mean reversion A" not in page  # the palette's


def test_a_trader_is_offered_acts_on_their_own_accounts(desk: SampleDay) -> None:
    assert reached(browser("trader", owns=desk.account), desk) == [True] * 6


def test_a_trader_is_not_offered_acts_on_accounts_of_others(desk: SampleDay) -> None:
    assert reached(browser("trader"), desk) == [False, False, False, True, True, True]


def test_who_may_act_on_every_account_need_not_own_it(desk: SampleDay) -> None:
    assert reached(browser("risk manager"), desk) == [True, True, True, False, False, True]


def test_an_exit_on_its_way_is_taken_back_only_by_who_may_trade(desk: SampleDay) -> None:
    working = Order.objects.get(state="open")
    Order.objects.filter(pk=working.pk).update(is_exit=True)
    cancel = reverse("dashboard:cancel_order", args=[working.pk])
    assert cancel not in offered(browser("risk manager"), reverse("dashboard:orders"))
    assert cancel in offered(browser("trader", owns=desk.account), reverse("dashboard:orders"))
