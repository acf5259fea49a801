"""The palette finds instruments, orders and settings, and fills in a ticket; it sends nothing."""

import re
from datetime import date
from decimal import Decimal
from typing import Any

import pytest
from django.urls import reverse

from alphapanda.dashboard.tests.conftest import SampleDay, share
from alphapanda.tests.people import person
from instruments.models import Instrument
from trading.models import Signal


def found(reader: Any, text: str) -> list[tuple[str, str]]:
    answer = reader.get(reverse("dashboard:find"), {"q": text}).json()
    return [(command["words"], command["href"]) for command in answer["commands"]]


@pytest.fixture
def option(sample: SampleDay) -> Instrument:
    option = share("NIFTY26D0124900CE", 9999874)
    option.name, option.instrument_type, option.segment, option.exchange = "NIFTY", "CE", "NFO-OPT", "NFO"
    option.strike, option.expiry, option.lot_size = Decimal(24900), date(2026, 12, 1), 65
    option.save()
    return option


def test_words_of_an_order_fill_in_its_ticket(reader: Any, option: Instrument) -> None:
    [(words, href)] = found(reader, "buy 65 nifty 24900 ce")
    assert words == "Buy 65 NIFTY 24900 CE 1 Dec, NFO: fill in the ticket"
    page = reader.get(href.partition("#")[0]).content.decode()
    assert 'value="NFO:NIFTY26D0124900CE"' in page
    assert 'value="65"' in page
    assert re.search(r"<details\s+open><summary[^>]*>Place an order by hand", page)
    assert not Signal.objects.filter(kind="manual").exists()


def test_a_symbol_finds_its_orders(reader: Any, sample: SampleDay) -> None:
    assert ("INFY, NSE: its orders", "/orders/?q=INFY") in found(reader, "infy")


def test_a_tag_finds_its_story(reader: Any, sample: SampleDay) -> None:
    order = sample.order("open")
    assert found(reader, order.tag.lower()) == [
        (f"Buy 240 INFY, {order.tag}: its story", reverse("dashboard:order_story", args=[order.pk]))
    ]


def test_settings_are_found_by_who_may_see_them(client: Any, sample: SampleDay) -> None:
    viewer = person("joshi", "viewer")
    client.force_login(viewer)
    assert found(client, "risk limits") == []
    type(viewer).objects.update(is_staff=True, is_superuser=True)
    assert found(client, "risk limits") == [("Settings: risk limits", "/admin/trading/risklimit/")]


@pytest.mark.parametrize("text", ["", " ", "b", "buy ", "sell 0 x" * 40, "%", "buy 999999999999 infy"])
def test_words_of_nothing_find_nothing_and_break_nothing(reader: Any, sample: SampleDay, text: str) -> None:
    assert isinstance(found(reader, text), list)


def test_a_stranger_finds_nothing(client: Any, sample: SampleDay) -> None:
    assert client.get(reverse("dashboard:find"), {"q": "infy"}).status_code == 302
