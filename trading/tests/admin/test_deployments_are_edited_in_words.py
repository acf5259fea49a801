from decimal import Decimal
from typing import Any

import pytest
from django.urls import reverse

from alphapanda.core.journal.models import Event
from tests.stories.pipeline import make_instrument
from trading.models import Deployment, Strategy
from trading.run import deployments

ADD, LIST = "admin:trading_deployment_add", "admin:trading_deployment_changelist"


@pytest.fixture
def sent(pipeline: Any) -> dict[str, Any]:
    """What the form sends for a good deployment."""
    return {
        "name": "Test one",
        "strategy": str(Strategy.objects.get(name="test-one-lot").pk),
        "account": str(pipeline.account.pk),
        "shard": str(pipeline.shard.pk),
        "instruments": [str(pipeline.infy.pk)],
        "product": "MIS",
        "sizing": "lots",
        "size": "10",
        "order_style": "market",
        "entry_from": "09:20",
        "entry_until": "14:45",
        "flat_by": "15:05",
        "parameters_of": "test-one-lot",
        "parameter_buy_at": "1490",
        "parameter_sell_at": "",
        "parameter_stop_percent": "2",
        "runs-TOTAL_FORMS": "0",
        "runs-INITIAL_FORMS": "0",
    }


def change_page(deployment: Deployment) -> str:
    return reverse("admin:trading_deployment_change", args=[deployment.pk])


def act(client: Any, deployment: Deployment, action: str) -> str:
    sent = {"action": action, "_selected_action": [str(deployment.pk)]}
    return client.post(reverse(LIST), sent, follow=True).content.decode()


def test_the_form_is_drawn_from_the_strategys_parameters(admin_client, pipeline):
    page = admin_client.get(reverse(ADD), {"strategy": str(Strategy.objects.get(name="momentum").pk)})
    fields = page.context["adminform"].form.fields
    described = deployments.strategy_class("momentum").Parameters.describe()
    assert [name for name in fields if name.startswith("parameter_")] == [
        f"parameter_{one['name']}" for one in described
    ]


def test_a_deployment_is_written_with_parameters_and_an_event(admin_client, sent):
    assert admin_client.post(reverse(ADD), sent).status_code == 302
    added = Deployment.objects.get()
    assert added.parameters == {"buy_at": "1490", "sell_at": "1510", "stop_percent": "2"}
    assert [one.tradingsymbol for one in added.instruments.all()] == ["INFY"]
    assert Event.objects.get(kind="deployment.founded").payload["by"] == "admin"


def test_a_strategy_chosen_after_the_form_was_drawn_begins_with_its_defaults(admin_client, sent):
    other = Strategy.objects.get(name="mean_reversion")
    answer = admin_client.post(reverse(ADD), sent | {"strategy": str(other.pk)})
    added = Deployment.objects.get()
    assert added.parameters == deployments.check_parameters("mean_reversion", {})
    assert answer.status_code == 302


def test_without_drawn_parameters_the_page_to_check_them_follows(admin_client, sent):
    undrawn = {name: value for name, value in sent.items() if not name.startswith("parameter")}
    answer = admin_client.post(reverse(ADD), undrawn)
    assert answer.url == change_page(Deployment.objects.get())


@pytest.mark.parametrize(
    ("changes", "words"),
    [
        ({"parameter_buy_at": "0"}, "0 is below the least allowed, 1"),
        ({"parameter_buy_at": "cheap"}, "&#x27;cheap&#x27; is not a number"),
        ({"size": "2.5"}, "2.5 lots cannot be bought: use 2 or 3."),
        ({"size": "0"}, "the size must be above 0"),
        ({"flat_by": "14:00"}, "is before the last entry"),
        ({"flat_by": ""}, "MIS is squared off by the broker in the afternoon"),
        ({"entry_until": "09:00"}, "is not after"),
        ({"instruments": []}, "This field is required"),
    ],
)
def test_what_cannot_be_meant_is_refused_in_words(admin_client, sent, changes, words):
    answer = admin_client.post(reverse(ADD), sent | changes)
    assert answer.status_code == 200
    assert words in answer.content.decode()
    assert not Deployment.objects.exists()


FIELDS = ("name", "strategy", "account", "shard", "instruments", "product", "sizing", "size", "order_style")
HOURS = ("entry_from", "entry_until", "flat_by")


@pytest.mark.parametrize("field", [*FIELDS, *HOURS])
def test_a_form_that_lacks_a_field_is_answered_and_not_an_error(admin_client, sent, field):
    del sent[field]
    assert admin_client.post(reverse(ADD), sent).status_code in (200, 302)


def test_an_instrument_no_longer_listed_is_refused(admin_client, sent):
    gone = make_instrument(token=1000, symbol="GONE", listed=False)
    answer = admin_client.post(reverse(ADD), sent | {"instruments": [str(gone.pk)]})
    assert "No longer listed: NSE:GONE." in answer.content.decode()


def test_an_index_alone_cannot_be_traded(admin_client, sent):
    index = make_instrument(token=1001, symbol="NIFTY 50", segment="INDICES", lot_size=0, tick_size=Decimal(0))
    answer = admin_client.post(reverse(ADD), sent | {"instruments": [str(index.pk)]})
    assert "Indices can be read, not traded" in answer.content.decode()


def test_a_stopped_deployment_is_changed_and_each_change_is_told(admin_client, pipeline, sent):
    deployment = pipeline.deploy()
    assert admin_client.post(change_page(deployment), sent | {"name": "Renamed", "size": "20"}).status_code == 302
    deployment.refresh_from_db()
    assert (deployment.name, deployment.size, deployment.parameters["buy_at"]) == ("Renamed", 20, "1490")
    assert {"deployment.terms", "deployment.parameters"} <= set(Event.objects.values_list("kind", flat=True))


def test_a_change_leaves_state_strategy_and_account_alone(admin_client, pipeline, sent):
    deployment = pipeline.deploy()
    other = Strategy.objects.get(name="momentum")
    admin_client.post(change_page(deployment), sent | {"state": "running", "strategy": str(other.pk)})
    deployment.refresh_from_db()
    assert (deployment.state, deployment.strategy.name) == ("stopped", "test-one-lot")


def test_a_running_deployment_is_only_looked_at(admin_client, pipeline, sent):
    deployment = pipeline.deploy()
    pipeline.start(deployment)
    assert admin_client.get(change_page(deployment)).status_code == 200
    assert admin_client.post(change_page(deployment), sent).status_code == 403


def test_one_started_while_its_form_was_open_is_not_changed(admin_client, pipeline, sent, monkeypatch):
    deployment = pipeline.deploy()
    started = Deployment.objects.filter(pk=deployment.pk)
    from trading.admin.deployments import DeploymentAdmin

    monkeypatch.setattr(DeploymentAdmin, "_may_edit", staticmethod(lambda obj: True))
    started.update(state="running")
    page = admin_client.post(change_page(deployment), sent | {"size": "99"}).content.decode()
    assert "is running: stop it before changing it." in page
    assert started.get().size == 10


def test_actions_start_pause_resume_and_stop(admin_client, pipeline):
    deployment = pipeline.deploy()
    assert "is starting" in act(admin_client, deployment, "start")
    assert "its exits stay managed" in act(admin_client, deployment, "pause")
    assert "resumes" in act(admin_client, deployment, "resume")
    assert "is stopped" in act(admin_client, deployment, "stop")


def test_an_action_that_may_not_be_done_says_why(admin_client, pipeline):
    deployment = pipeline.deploy()
    assert f"{deployment.name} is stopped already" in act(admin_client, deployment, "stop")
    assert f"{deployment.name} is not running" in act(admin_client, deployment, "pause")


def test_wrong_parameters_in_the_row_refuse_a_start_in_their_own_words(admin_client, pipeline):
    deployment = pipeline.deploy(parameters={"buy_at": "-1"})
    assert "-1 is below the least allowed, 1" in act(admin_client, deployment, "start")


def test_the_strategy_page_describes_its_parameters(admin_client, pipeline):
    strategy = Strategy.objects.get(name="test-one-lot")
    page = admin_client.get(reverse("admin:trading_strategy_change", args=[strategy.pk])).content.decode()
    assert "<b>Stop</b>: 1 % by default, from 0.1 to 50." in page
