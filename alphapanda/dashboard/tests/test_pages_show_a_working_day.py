"""Each page is whole without scripts, and says what the tables say."""

import json
import re
from collections.abc import Callable
from dataclasses import asdict
from datetime import timedelta
from decimal import Decimal
from pathlib import Path
from typing import Any

import orjson
import pytest
from django.conf import settings
from django.db import connection
from django.test.utils import CaptureQueriesContext
from django.urls import reverse

from alphapanda.core.clock.market_time import wall_now
from alphapanda.core.telemetry.heartbeats import KEY, Process
from alphapanda.dashboard import panels
from alphapanda.dashboard.panels.context import PageContext
from alphapanda.dashboard.panels.live.facts import silent_processes, stuck_shards
from alphapanda.dashboard.panels.live.page import live_snapshot
from alphapanda.dashboard.panels.orders.story_steps import limit_words
from alphapanda.dashboard.tests.conftest import DAY, NOW, SampleDay, share
from instruments.models import CorporateAction
from portfolio.adjusting import book_adjustment, due_adjustments
from portfolio.booking import TradeReport, book_trade
from trading.models import Checkpoint, Deployment, RunInput, Strategy
from trading.run import loaded_code
from trading.run.position import RunPosition
from trading.ticks.troubles import clear_trouble, note_trouble
from trading.wakeups import valkey_client

PLACES = ["live", "strategies", "orders", "portfolio", "system"]


@pytest.mark.parametrize("place", PLACES)
def test_a_new_installation_shows_every_page_without_an_account(reader: Any, place: str) -> None:
    answer = reader.get(reverse(f"dashboard:{place}"))
    assert answer.status_code == 200


@pytest.mark.parametrize("place", PLACES)
def test_a_working_desk_shows_every_page(reader: Any, sample: SampleDay, place: str) -> None:
    sample.order("open", filled=120)
    sample.order("unconfirmed")
    sample.order("open", filled=240)
    sample.signal(state="denied", reason="PRICE_COLLAR: limit 1,298.00 is 3.4 % from last; 2.0 % allowed")
    answer = reader.get(reverse(f"dashboard:{place}"))
    assert answer.status_code == 200
    assert ("Desk A" in answer.content.decode()) == (place != "system")


@pytest.mark.parametrize("place", PLACES)
def test_the_same_facts_are_given_as_json(reader: Any, sample: SampleDay, place: str) -> None:
    answer = reader.get(reverse(f"dashboard:{place}"), headers={"Accept": "application/json"})
    assert {"clock", "phase", "gate"} <= set(json.loads(answer.content))


@pytest.mark.parametrize("place", PLACES)
def test_a_stranger_is_sent_to_sign_in(client: Any, db: None, place: str) -> None:
    answer = client.get(reverse(f"dashboard:{place}"))
    assert answer.status_code == 302
    assert answer["Location"].startswith(reverse("dashboard:sign_in"))


def test_an_unknown_price_is_the_word_and_never_zero(reader: Any, sample: SampleDay) -> None:
    sample.order("open", filled=120)
    snapshot = json.loads(reader.get("/", headers={"Accept": "application/json"}).content)
    row = snapshot["positions"]["groups"][0]["rows"][0]
    assert (row["last"], row["open"], snapshot["net"]["net"]) == (None, None, None)
    assert "unknown" in reader.get("/").content.decode()


def test_a_stop_that_was_moved_is_shown_where_it_is_now(sample: SampleDay) -> None:
    sample.order("open", filled=120)
    assert position_row()["stop"] == "1,501.00"
    position = RunPosition(quantity=120, stop=Decimal("1507.5")).to_json()
    memory = {"runs": {str(sample.run.pk): {"positions": {"instruments": {"NSE:INFY": position}}}}}
    Checkpoint.objects.create(shard=sample.deployment.shard, epoch=1, n=1, market_time=NOW, memory=memory)
    assert position_row()["stop"] == "1,507.50"


def position_row() -> dict[str, Any]:
    return panels.portfolio_snapshot(None)["positions"]["groups"][0]["rows"][0]


def test_the_story_tells_every_step_and_check(reader: Any, sample: SampleDay) -> None:
    order = sample.order("open", filled=240)
    text = reader.get(reverse("dashboard:order_story", args=[order.pk])).content.decode()
    for words in (
        "2 checks passed",
        "MAX_GROSS",
        "Claimed and sent",
        "Accepted",
        "Filled 240 at 1,512.37",
        "Booked",
        order.tag,
    ):
        assert words in text


def test_a_killed_process_is_told_of_on_system_and_on_live(sample: SampleDay) -> None:
    long_ago = wall_now() - timedelta(minutes=3)
    for name, heard_at in (("ticks@desk", long_ago), ("web@desk", wall_now())):
        said = Process(name, "what it does", 41, long_ago, heard_at)
        valkey_client().hset(KEY, name, orjson.dumps(asdict(said)))
    rows = panels.system_snapshot(None)["processes"]["rows"]
    assert [(row["name"], row["state"]) for row in rows] == [("ticks@desk", "Silent"), ("web@desk", "Running")]
    assert silent_processes(PageContext()) == ("ticks@desk: silent for 3 min",)


def test_a_shard_that_cannot_go_on_is_told_of_on_live(sample: SampleDay) -> None:
    note_trouble(sample.deployment.shard, RuntimeError("no candle today"))
    lines = [line["text"] for line in panels.live_snapshot(None)["verdict"]["lines"]]
    [(shard, words)] = stuck_shards(PageContext())
    assert (shard, words.partition(", for ")[0]) == ("kite-0", "RuntimeError: no candle today")
    assert "Not trading: kite-0 cannot go on." in lines
    clear_trouble(sample.deployment.shard)
    assert stuck_shards(PageContext()) == ()


def test_a_deployment_shows_its_parameters_and_why_it_did_not_trade(reader: Any, sample: SampleDay) -> None:
    text = reader.get(reverse("dashboard:deployment", args=[sample.deployment.pk])).content.decode()
    assert "needs under band 1,513.19" in text
    assert "stop it to change its parameters" in text


def test_a_strategy_file_that_cannot_be_read_is_shown_where_it_is_missed(
    reader: Any, sample: SampleDay, settings: Any
) -> None:
    settings.STRATEGY_PACKAGES = ["nowhere"]
    words = "nowhere cannot be read: ModuleNotFoundError: No module named &#x27;nowhere&#x27;"
    assert words in reader.get("/strategies/").content.decode()
    Strategy.objects.filter(pk=sample.deployment.strategy_id).update(name="gone")
    page = reverse("dashboard:deployment", args=[sample.deployment.pk])
    assert words in reader.get(page).content.decode()
    for act in ("start", "resume", "parameters"):
        Deployment.objects.update(state="stopped" if act != "resume" else "paused")
        asked = reader.post(reverse("dashboard:deployment_act", args=[sample.deployment.pk, act]), follow=True)
        assert asked.status_code == 200
        assert words in asked.content.decode()


def test_a_worker_with_other_code_is_offered_to_be_reloaded(reader: Any, sample: SampleDay) -> None:
    Deployment.objects.update(state="stopped")
    page = reverse("dashboard:deployment", args=[sample.deployment.pk])
    act = reverse("dashboard:deployment_act", args=[sample.deployment.pk, "reload"])
    said = orjson.dumps({"worker": "ticks@desk", "hashes": {"mean_reversion": "of last week"}}).decode()
    valkey_client().hset(loaded_code.KEY, "ticks.kite-0", said)
    assert act in reader.get(page).content.decode()
    valkey_client().delete(loaded_code.KEY)
    assert act not in reader.get(page).content.decode()
    assert "no worker of kite-0 has said that it runs" in reader.post(act, follow=True).content.decode()


def test_the_traceback_of_a_fault_stands_on_its_deployments_page(reader: Any, sample: SampleDay) -> None:
    payload = {"reason": "it raised", "traceback": "Traceback: own.py, line 3"}
    RunInput.objects.create(run=sample.run, kind="exits_only", ref="a fault", payload=payload)
    page = reverse("dashboard:deployment", args=[sample.deployment.pk])
    assert "own.py, line 3" not in reader.get(page).content.decode()
    Deployment.objects.update(state="paused", state_reason="it raised")
    assert "Traceback: own.py, line 3" in reader.get(page).content.decode()


@pytest.mark.parametrize("template", sorted((settings.BASE_DIR / "templates/dashboard").rglob("*.html")), ids=str)
def test_that_a_live_list_is_empty_is_said_by_its_data(template: Path) -> None:
    """Said by a condition of the first paint, it would stand under the first row that comes."""
    source = template.read_text()
    if "data-list" in source:
        assert not re.search(r"{% if not [^%]*%}\s*<p class=.said-empty", source)


def test_what_a_deployment_wanted_takes_back_that_it_wanted_nothing(reader: Any, sample: SampleDay) -> None:
    page = reverse("dashboard:deployment", args=[sample.deployment.pk])

    def words() -> str:
        return str(reader.get(page, headers={"Accept": "application/json"}).json()["signals"]["empty"])

    assert words() == "It has wanted nothing yet."
    sample.signal()
    assert words() == ""


def test_the_blotter_is_narrowed_by_state_and_words(reader: Any, sample: SampleDay) -> None:
    sample.order("open")
    assert len(rows(reader, "?state=open&q=infy")) == 1
    assert rows(reader, "?state=filled") == []
    assert rows(reader, "?q=SBIN") == []


def test_a_filter_that_makes_no_sense_is_no_filter(reader: Any, sample: SampleDay) -> None:
    sample.order("open")
    assert len(rows(reader, "?day=yesterday&state=wobbly&before=x")) == 1


def rows(reader: Any, query: str) -> list[dict[str, Any]]:
    return json.loads(reader.get(f"/orders/{query}", headers={"Accept": "application/json"}).content)["rows"]


READINGS = {
    "live": lambda: panels.live_snapshot(None),
    "strategies": lambda: panels.strategies_snapshot(None),
    "orders": lambda: panels.orders_snapshot({}),
    "portfolio": lambda: panels.portfolio_snapshot(None),
    "system": lambda: panels.system_snapshot(None),
}


@pytest.mark.parametrize("place", PLACES)
def test_ten_orders_cost_no_more_questions_than_one(sample: SampleDay, place: str) -> None:
    sample.order("open", filled=120)
    first = questions(READINGS[place])
    for _ in range(9):
        sample.order("open", filled=120)
    # One more at the most: the clock is read again when 200 ms have passed.
    assert 0 < questions(READINGS[place]) <= first + 1


def questions(reading: Callable[[], object]) -> int:
    with CaptureQueriesContext(connection) as asked:
        reading()
    return len(asked)


def test_what_a_split_has_not_credited_yet_is_named_receivable(account, user) -> None:
    infy = share("INFY", 408065)
    CorporateAction.objects.create(instrument=infy, kind="split", ex_date=DAY, held=1, becomes=5, source="NSE")
    bought = {"exchange": "NSE", "day": DAY - timedelta(days=1), "trade_id": "1", "broker_order_id": "1"}
    bought |= {"order_tag": "", "product": "CNC", "signed_quantity": 10, "price": Decimal(1500)}
    bought |= {"traded_at": NOW - timedelta(days=1), "instrument_id": infy.pk, "portfolio_id": None}
    book_trade(TradeReport(account_id=account.pk, **bought))
    [(account_id, action)] = due_adjustments(NOW)
    book_adjustment(account_id, action)
    [group] = live_snapshot(user)["positions"]["groups"]
    [row] = group["rows"]
    assert (row["quantity"], row["tail"]) == (50, "CNC, 40 receivable")


@pytest.mark.parametrize(
    ("skipped", "used", "told"),
    [
        ("only shrinks a position", "1.2", "of ₹12.50 L, not binding: only shrinks a position"),
        ("", "0.8", "of ₹12.50 L"),
        ("no limit set", None, "no limit set"),
        ("", None, "₹12.50 L"),
    ],
)
def test_a_rule_over_its_limit_that_lets_an_exit_pass_says_why(skipped: str, used: str | None, told: str) -> None:
    assert limit_words({"limit": "₹12.50 L", "used": used, "skipped": skipped}) == told
