from datetime import date

import pytest
from django.urls import reverse

from instruments.models import FreezeQuantity, TradingSession
from instruments.tests.dumps_of import load, share

pytestmark = pytest.mark.django_db

MUHURAT = '[{"kind": "continuous", "from": "18:00", "to": "19:00"}]'


def session(**changes) -> dict:
    plain = {"exchange": "NSE", "security_class": "equity", "day": "2027-11-05", "name": "Muhurat"}
    return {**plain, "phases": MUHURAT, "source": "NSE circular", **changes}


def add(client, **changes):
    return client.post(reverse("admin:instruments_tradingsession_add"), session(**changes))


def test_a_session_is_added_and_counts_as_edited_by_hand(admin_client):
    assert add(admin_client).status_code == 302
    added = TradingSession.objects.get()
    assert (added.by_hand, added.schedule().opens_at.hour) == (True, 18)


@pytest.mark.parametrize(
    ("changes", "words"),
    [
        ({"phases": MUHURAT.replace("19:00", "17:00")}, "it would close at 17:00, not after it opens at 18:00"),
        ({"phases": MUHURAT.replace("continuous", "lunch")}, "kind &#x27;lunch&#x27; is unknown"),
        ({"phases": MUHURAT.replace("18:00", "6 pm")}, "not a time such as 09:15"),
        ({"phases": f"[{MUHURAT[1:-1]}, {MUHURAT[1:-1]}]"}, "out of order or overlapping"),
        ({"phases": '{"kind": "continuous"}'}, "Phases must be a list of objects"),
        ({"phases": "[]"}, "A day without phases is closed: tick holiday"),
        ({"is_holiday": "on"}, "A holiday has no phases"),
        (
            {"security_class": "derivative"},
            "NSE has no class &#x27;derivative&#x27;; it has equity, equity_fno, index.",
        ),
        ({"source": ""}, "This field is required"),
    ],
)
def test_a_session_that_cannot_be_meant_is_refused_in_words(admin_client, changes, words):
    answer = add(admin_client, **changes)
    assert answer.status_code == 200
    assert words in answer.content.decode()
    assert not TradingSession.objects.exists()


def test_a_second_session_for_the_same_day_is_refused(admin_client):
    add(admin_client)
    assert add(admin_client).status_code == 200
    assert TradingSession.objects.count() == 1


@pytest.mark.parametrize("page", ["instrument", "instrumentload", "tradingsession", "freezequantity"])
def test_every_list_and_page_opens(admin_client, page):
    load(share())
    TradingSession.objects.create(exchange="NSE", security_class="equity", day=date(2027, 1, 1), is_holiday=True)
    FreezeQuantity.objects.create(exchange="NFO", underlying="X", effective_from=date(2027, 1, 1), quantity=1)
    assert admin_client.get(reverse(f"admin:instruments_{page}_changelist")).status_code == 200
    from django.apps import apps

    pk = apps.get_model("instruments", page).objects.first().pk
    assert admin_client.get(reverse(f"admin:instruments_{page}_change", args=[pk])).status_code == 200


@pytest.mark.parametrize("page", ["instrument", "instrumentload"])
def test_what_only_the_loader_writes_cannot_be_added(admin_client, page):
    assert admin_client.get(reverse(f"admin:instruments_{page}_add")).status_code == 403


def test_instruments_are_found_by_symbol_and_token(admin_client):
    load(share(), share("OTHER", 5))
    for words in ("infy", "408065"):
        page = admin_client.get(reverse("admin:instruments_instrument_changelist"), {"q": words}).content.decode()
        assert "INFY" in page
        assert "OTHER" not in page
