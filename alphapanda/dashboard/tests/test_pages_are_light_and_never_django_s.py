"""What a page is sent as, and what stands where there is none: never a page of Django's own."""

import re
from typing import Any

import pytest
from django.urls import reverse

from alphapanda.dashboard.tests.conftest import SampleDay
from trading.models import Deployment


def test_an_address_of_nothing_is_answered_in_words(reader: Any) -> None:
    answer = reader.get("/nowhere/")
    assert answer.status_code == 404
    assert "There is no page at /nowhere/" in answer.content.decode()
    assert "No Deployment matches" not in answer.content.decode()


def test_what_a_view_says_is_missing_is_told(reader: Any, sample: SampleDay) -> None:
    answer = reader.post(reverse("dashboard:deployment_act", args=[sample.deployment.pk, "delete"]))
    assert (answer.status_code, "A strategy cannot be told to delete" in answer.content.decode()) == (404, True)


def test_a_script_hears_of_a_missing_page_in_json(reader: Any) -> None:
    answer = reader.get("/nowhere/", headers={"Accept": "application/json"})
    assert (answer.status_code, answer.json()) == (404, {"words": "There is no page at /nowhere/"})


def test_pages_are_sent_compressed(reader: Any, sample: SampleDay) -> None:
    plain = reader.get("/")
    packed = reader.get("/", headers={"Accept-Encoding": "gzip"})
    assert packed.headers["Content-Encoding"] == "gzip"
    assert len(packed.content) < len(plain.content) / 3


def test_the_rows_of_a_page_share_one_form(reader: Any, sample: SampleDay) -> None:
    before = reader.get("/orders/").content.decode().count("<form")
    for _ in range(3):
        sample.order("open")
    page = reader.get("/orders/").content.decode()
    assert page.count("<form") == before
    assert len(re.findall('formaction="/do/orders/[^"]*/cancel/"', page)) == 3


@pytest.mark.parametrize("clock", ["99:99", "25:00", "nine", "9:15:99", "-1"])
def test_no_time_of_day_breaks_a_form(reader: Any, sample: SampleDay, clock: str) -> None:
    Deployment.objects.update(state="stopped")
    fields = {"flat_by": clock, "entry_until": clock, "period": clock}
    answer = reader.post(reverse("dashboard:deployment_act", args=[sample.deployment.pk, "parameters"]), fields)
    assert answer.status_code in (200, 302)
    assert reader.post(reverse("dashboard:ask_backtest"), fields).status_code == 200


def test_admin_wears_our_icon(admin_client: Any) -> None:
    assert "/static/dashboard/panda.svg" in admin_client.get("/admin/").content.decode()
