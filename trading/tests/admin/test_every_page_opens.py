from typing import Any

import pytest
from django.apps import apps
from django.contrib import admin
from django.urls import reverse

from alphapanda.core.journal.models import DeadLetter
from alphapanda.core.timezone import IST
from market.models import Shard
from trading.api.tokens import make_token
from trading.models import BrokerSession, Checkpoint, Evaluation, PriceBand, RiskLimit

FACTS = [
    "trading.strategy",
    "trading.signal",
    "trading.riskdecision",
    "trading.order",
    "trading.ordertransition",
    "trading.fill",
    "trading.paperrequest",
    "trading.paperorder",
    "trading.papertrade",
    "trading.priceband",
    "trading.run",
    "trading.runinput",
    "trading.evaluation",
    "trading.checkpoint",
    "trading.brokersession",
    "trading.apitoken",
    "journal.event",
    "journal.deadletter",
    "clock.installation",
    "clock.marketclock",
]
EDITED = ["trading.deployment", "trading.risklimit", "trading.gate"]


@pytest.fixture
def furnished(traded: Any, admin_user: Any) -> Any:
    """Rows in every table that the story itself leaves empty."""
    run = traded.account.deployments.get().runs.get()
    RiskLimit.objects.create(account=traded.account, max_open_orders=12)
    Evaluation.objects.create(run=run, instrument=traded.infy, at=traded.now, text="inside its range")
    PriceBand.objects.create(instrument=traded.infy, day=traded.now.date(), low=1, high=2, told_at=traded.now)
    BrokerSession.objects.create(account=traded.account, api_key="key-nobody-sees", request_token="request-nobody-sees")
    DeadLetter.objects.create(task="assess_signals", partition="a", key="1", attempts=3, error="Trace\nValueError: x")
    make_token(admin_user, "script", "read", days=1)
    if not Checkpoint.objects.exists():
        Checkpoint.objects.create(shard=Shard.objects.get(), epoch=1, n=1, market_time=traded.now, memory={})
    return traded


def address(label: str, page: str, *args: Any) -> str:
    return reverse(f"admin:{label.replace('.', '_')}_{page}", args=args)


def test_every_list_and_page_opens(admin_client, furnished):
    for label in [*FACTS, *EDITED]:
        row = apps.get_model(label).objects.first()
        assert row is not None, f"no row of {label} to look at"
        assert admin_client.get(address(label, "changelist")).status_code == 200, label
        assert admin_client.get(address(label, "change", row.pk)).status_code == 200, label


def test_every_list_is_searched_by_what_it_promises(admin_client, furnished):
    for label in FACTS:
        if admin.site.get_model_admin(apps.get_model(label)).search_fields:
            for words in ("INFY", "019a0000-0000-7000-8000-000000000000"):
                assert admin_client.get(address(label, "changelist"), {"q": words}).status_code == 200, label


@pytest.mark.parametrize("label", FACTS)
def test_a_fact_cannot_be_added_changed_or_deleted(admin_client, rf, admin_user, label):
    request = rf.get("/")
    request.user = admin_user
    page = admin.site.get_model_admin(apps.get_model(label))
    may = (page.has_add_permission(request), page.has_change_permission(request), page.has_delete_permission(request))
    assert may == (False, False, False)
    assert admin_client.get(address(label, "add")).status_code == 403


def test_a_form_sent_empty_or_full_of_nonsense_is_answered_and_not_an_error(admin_client, rf, admin_user, furnished):
    request = rf.get("/")
    request.user = admin_user
    own = {label.split(".")[0] for label in FACTS} | {"instruments", "market", "portfolio"}
    pages = {model: page for model, page in admin.site._registry.items() if model._meta.app_label in own}
    editable = [model for model, page in pages.items() if page.has_add_permission(request)]
    assert len(editable) > len(EDITED)
    for model in editable:
        nonsense = {field.name: "99:99" for field in model._meta.fields if not field.is_relation}
        for sent in ({}, nonsense, *({"_save": "1", name: "-1"} for name in nonsense)):
            answer = admin_client.post(address(model._meta.label_lower, "add"), sent)
            assert answer.status_code in (200, 302), (model, sent)


def test_posting_to_an_orders_page_is_refused(admin_client, traded):
    order = traded.orders()[0]
    assert admin_client.post(address("trading.order", "change", order.pk), {"state": "filled"}).status_code == 403


@pytest.mark.parametrize("label", EDITED)
def test_what_is_edited_is_never_deleted(admin_client, furnished, label):
    row = apps.get_model(label).objects.first()
    assert admin_client.post(address(label, "delete", row.pk), {"post": "yes"}).status_code == 403


def test_a_sessions_page_shows_no_secret(admin_client, furnished):
    row = BrokerSession.objects.get()
    for page in (address("trading.brokersession", "changelist"), address("trading.brokersession", "change", row.pk)):
        assert "nobody-sees" not in admin_client.get(page).content.decode()


def test_the_installations_page_does_not_show_its_salt(admin_client, furnished):
    row = apps.get_model("clock.installation").objects.get()
    assert row.salt not in admin_client.get(address("clock.installation", "change", row.pk)).content.decode()


def test_the_order_page_tells_its_steps_and_fills(admin_client, traded):
    page = admin_client.get(address("trading.order", "change", traded.orders()[0].pk)).content.decode()
    assert "unconfirmed" in page
    assert "claimed" in page


def test_the_decision_page_tells_each_check(admin_client, traded):
    decision = traded.orders()[0].signal.decision
    page = admin_client.get(address("trading.riskdecision", "change", decision.pk)).content.decode()
    assert "<b>QUOTE_AGE</b> passed" in page


def test_times_are_told_to_the_second_in_india(admin_client, traded):
    page = admin_client.get(address("trading.order", "change", traded.orders()[0].pk)).content.decode()
    assert f"{traded.orders()[0].market_time.astimezone(IST):%d %b %Y %H:%M:%S}" in page
