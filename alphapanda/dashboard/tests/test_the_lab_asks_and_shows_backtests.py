"""The Lab: a form that asks, rows that say how far each has come, and a page of what came of one."""

from datetime import date
from pathlib import Path
from typing import Any

import pytest
from django.urls import reverse

from alphapanda.core.clock.market_time import wall_now
from alphapanda.core.figures import exact
from alphapanda.dashboard import panels
from alphapanda.dashboard.forms import BacktestForm
from alphapanda.dashboard.tests.conftest import SampleDay
from instruments.models import Instrument
from trading import wakeups
from trading.lab.request import BacktestRequest
from trading.models import Backtest, Strategy

RESULT: dict[str, Any] = {
    "request": {
        "strategy": "momentum", "instruments": ["NSE:INFY"], "first": "2025-03-03", "last": "2025-03-05",
        "candles": ["/x/INFY.csv"], "recordings": [], "capital": "1000000", "size": "100000", "sizing": "capital",
        "product": "MIS", "order_style": "market", "parameters": {"interval": 5, "long_only": False}, "account": "",
        "entry_from": "09:20:00", "entry_until": "14:45:00", "flat_by": "15:05:00", "slippage_ticks": "1",
        "slippage_bps": "0", "volume_share": "0.10", "answers": {},
    },
    "code_hash": "c" * 64, "data_digest": "d" * 64, "fills": "any quantity, 1 tick off the price",
    "net": "-1234.50", "gross": "-1000.00", "charges": {"brokerage": "200.50", "gst": "34.00"}, "unknown": [],
    "total_charges": "234.50", "win_percent": "50.00", "average_win": "120.00", "average_loss": "-960.00",
    "profit_factor": "0.13", "trades": 2, "winners": 1, "open_trades": 0, "exposure_percent": "12.40",
    "drawdown": {
        "rupees": "2000.00", "percent": "0.20", "since": "2025-03-03", "lowest_on": "2025-03-04", "days": None,
    },
    "worst_days": [{"day": "2025-03-04", "net": "-2000.00", "reason": "BUY 60 NSE:INFY: stop touched (−₹900.00)"}],
    "by_month": {"2025-03": {"3": "765.50", "4": "-2000.00"}}, "undecided_minutes": 0, "better_net": None,
    "equity": [["2025-03-03", "1000765.50"], ["2025-03-04", "998765.50"]], "needs_ticks": "",
    "refusals": {"BUYING_POWER": 3}, "warnings": [],
    "notes": ["INFY.csv: 1 minute stands twice", "the gate refused: BUYING_POWER 3"], "stopped": None,
    "round_trips": [
        {
            "run": "momentum", "instrument": "NSE:INFY", "side": "BUY", "quantity": 60,
            "entered_at": "2025-03-04T03:50:00+00:00", "entry_price": "1500.1000", "entry_reason": "above the range",
            "exited_at": "2025-03-04T04:50:00+00:00", "exit_price": "1485.1000", "exit_reason": "stop touched",
            "gross": "-900.00", "charges": "60.00", "net": "-960.00",
        }
    ],
}  # fmt: skip


def make_backtest(state: str = "done", **changes: Any) -> Backtest:
    whole = {"result": RESULT, "code_hash": "c" * 64, "data_digest": "d" * 64} if state == "done" else {}
    now = wall_now()
    values = {
        "strategy": "momentum", "request": RESULT["request"], "state": state, "asked_by": "mehta",
        "started_at": now, "finished_at": now,
    }  # fmt: skip
    return Backtest.objects.create(**values | whole | changes)


@pytest.fixture
def lab(sample: SampleDay, settings: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    settings.LAB_CANDLES = str(tmp_path)
    (tmp_path / "INFY.csv").write_text("timestamp,open,high,low,close\n")
    Strategy.objects.get_or_create(name="momentum", defaults={"title": "Momentum breakout", "is_available": True})
    monkeypatch.setattr(wakeups.app, "send_task", lambda *args, **kwargs: None)
    return tmp_path


def asked(**changes: Any) -> dict[str, Any]:
    return {
        "strategy": "momentum", "instruments": "nse:infy", "candles": ["INFY.csv"], "capital": "1000000",
        "size": "100000", "sizing": "capital", "product": "MIS", "order_style": "market", "slippage_ticks": "1",
        "slippage_bps": "0", "volume_percent": "10", "parameters_of": "momentum", "momentum.interval": "5",
    } | changes  # fmt: skip


def post(reader: Any, fields: dict[str, Any]) -> Any:
    return reader.post(reverse("dashboard:ask_backtest"), fields, follow=True)


def test_the_form_asks_for_a_backtest(reader: Any, lab: Path) -> None:
    answer = post(reader, asked(first="2025-03-03"))
    job = Backtest.objects.get()
    assert "momentum is in the lab's queue." in answer.content.decode().replace("&#x27;", "'")
    assert (job.state, job.asked_by) == ("waiting", "mehta")
    request = job.request
    assert (request["instruments"], request["candles"]) == (["NSE:INFY"], [str(lab / "INFY.csv")])
    assert (request["first"], request["volume_share"], request["flat_by"]) == ("2025-03-03", "0.1", "15:05:00")
    assert (request["parameters"]["interval"], request["parameters"]["long_only"]) == ("5", False)


def test_each_term_a_request_has_can_be_asked_by_the_form(reader: Any, lab: Path) -> None:
    terms = {
        "sizing": "lots", "size": "2", "order_style": "limit", "entry_from": "09:45:00", "entry_until": "11:00:00",
        "flat_by": "14:00:00", "slippage_ticks": "0", "slippage_bps": "5", "account": "Desk A", "capital": "250000",
    }  # fmt: skip
    post(reader, asked(**terms))
    request = Backtest.objects.get().request
    assert {name: request[name] for name in terms} == terms
    form = {*BacktestForm.base_fields} - {"volume_percent"} | {"volume_share", "parameters"}
    assert form == set(request)


def test_the_form_begins_with_what_a_request_is_by_itself(reader: Any, lab: Path) -> None:
    form = reader.get(reverse("dashboard:lab")).context["form"]
    begins = {field.name: field.value() for field in form if field.value() not in (None, "")}
    post(reader, begins | {"strategy": "momentum", "instruments": "NSE:INFY", "candles": ["INFY.csv"]})
    usual = BacktestRequest("momentum", ("NSE:INFY",), candles=(lab / "INFY.csv",)).to_json()
    made = Backtest.objects.get().request
    assert {name for name in usual if figure_or_text(made[name]) != figure_or_text(usual[name])} == set()


def figure_or_text(value: Any) -> Any:
    number = exact(value) if isinstance(value, str) else None
    return value if number is None else number


def test_another_strategys_parameters_are_not_sent(reader: Any, lab: Path) -> None:
    post(reader, asked(**{"parameters_of": ["mean_reversion", "momentum"], "mean_reversion.interval": "15"}))
    assert Backtest.objects.get().request["parameters"]["interval"] == "5"


def test_a_wrong_parameter_is_told_beside_it_and_what_was_typed_stays(reader: Any, lab: Path) -> None:
    form = post(reader, asked(**{"momentum.lookback": "0", "momentum.min_rate": "much"})).context["form"]
    (of,) = (each for each in form.parameter_sets() if each["strategy"] == "momentum")
    told = {field["name"]: (field["value"], field["wrong"]) for field in of["fields"] if field["wrong"]}
    assert told == {
        "lookback": ("0", ["0 is below the least allowed, 2"]),
        "min_rate": ("much", ["'much' is not a number"]),
    }
    assert not Backtest.objects.exists()


def test_the_same_is_asked_again_with_changes(reader: Any, lab: Path) -> None:
    request = RESULT["request"] | {
        "candles": [str(lab / "INFY.csv")], "parameters": {"lookback": "33", "long_only": "no"}, "first": "2025-03-03",
        "volume_share": None, "answers": {"zone": "IST"}, "capital": "250000", "sizing": "lots", "size": "2",
    }  # fmt: skip
    job = make_backtest("failed", request=request, error="it failed")
    form = reader.get(reverse("dashboard:lab") + f"?again={job.pk}").context["form"]
    names = ("candles", "first", "capital", "sizing", "size", "answers", "volume_percent", "instruments")
    assert [form[name].value() for name in names] == [
        ["INFY.csv"], "2025-03-03", "250000", "lots", "2", "zone=IST", None, "NSE:INFY",
    ]  # fmt: skip
    (of,) = (each for each in form.parameter_sets() if each["strategy"] == "momentum")
    values = {field["name"]: field["value"] for field in of["fields"]}
    assert (values["lookback"], values["long_only"], values["exit_lookback"]) == (33, False, 10)


@pytest.mark.parametrize("again", ["nonsense", "01a21800-0000-7000-8000-000000000000", ""])
def test_what_is_not_there_cannot_be_asked_again(reader: Any, lab: Path, again: str) -> None:
    assert reader.get(reverse("dashboard:lab") + f"?again={again}").context["form"]["instruments"].value() is None


@pytest.mark.parametrize(
    ("changes", "field", "words"),
    [
        ({"instruments": "INFY"}, "instruments", "name the exchange too"),
        ({"candles": []}, "candles", "Give candles or recordings"),
        ({"candles": ["../INFY.csv"]}, "candles", "not one of the available choices"),
        ({"volume_percent": "300"}, "volume_percent", "share of the volume"),
        ({"slippage_ticks": "-1"}, "slippage_ticks", "not below zero"),
        ({"answers": "zone"}, "answers", "not as name=value"),
        ({"entry_from": "15:00", "entry_until": "10:00"}, "entry_until", "is not after 15:00"),
        ({"sizing": "lots", "size": "1.5"}, "size", "cannot be bought"),
        ({"account": "Desk Z"}, "account", "not one of the available choices"),
        ({"first": "2025-03-05", "last": "2025-03-03"}, "last", "is before"),
        ({"capital": "much"}, "capital", "Enter a number"),
    ],
)
def test_what_is_wrong_stands_beside_its_field(
    reader: Any, lab: Path, changes: dict[str, Any], field: str, words: str
) -> None:
    errors = post(reader, asked(**changes)).context["form"].errors
    assert list(errors) == [field]
    assert words in " ".join(errors[field])
    assert not Backtest.objects.exists()


def test_rows_say_how_far_each_has_come(reader: Any, lab: Path) -> None:
    make_backtest("running", day=date(2025, 3, 4), days_played=2, attempts=2)
    make_backtest("failed", error="INFY.csv, row 5: high is 'n/a', which is no price")
    make_backtest()
    rows = reader.get(reverse("dashboard:lab"), headers={"accept": "application/json"}).json()["rows"]
    assert [(row["state"], row["net"], row["may_cancel"]) for row in rows] == [
        ("Done", "-1234.50", False), ("Failed", None, False), ("Running", None, True),
    ]  # fmt: skip
    assert rows[2]["progress"] == "2 days, at 2025-03-04; gone on with after its worker died"
    assert rows[1]["progress"] == "INFY.csv, row 5: high is 'n/a', which is no price"


def test_a_row_says_in_what_its_request_differs_from_the_usual(reader: Any, lab: Path) -> None:
    usual = BacktestRequest("momentum", ("NSE:INFY",), candles=(lab / "INFY.csv",)).to_json()
    changed = {
        "parameters": {"lookback": "30", "interval": "5", "long_only": "on"}, "capital": "2500000.00", "sizing": "lots",
        "size": "2", "product": "NRML", "entry_until": "11:00:00", "flat_by": None, "slippage_ticks": "2",
    }  # fmt: skip
    Backtest.objects.create(strategy="momentum", request=usual, asked_by="mehta")
    Backtest.objects.create(strategy="momentum", request=usual | changed, asked_by="mehta")
    rows = reader.get(reverse("dashboard:lab"), headers={"accept": "application/json"}).json()["rows"]
    assert [row["differs"] for row in rows] == [
        "Range 30 candles, Buy only yes, NRML, 2 lots a position, capital ₹25.00\xa0L, 2 ticks off, "
        "enters 09:20 to 11:00",
        "",
    ]


def test_what_code_that_is_gone_was_given_is_said_as_given(reader: Any, lab: Path) -> None:
    make_backtest("waiting", strategy="gone")
    rows = reader.get(reverse("dashboard:lab"), headers={"accept": "application/json"}).json()["rows"]
    assert rows[0]["differs"].startswith("interval 5, long_only no")


def test_a_row_without_a_result_has_no_figure_and_is_not_unknown(reader: Any, lab: Path) -> None:
    make_backtest("failed", error="no candles of NSE:INFY in the files")
    row = reader.get(reverse("dashboard:lab"), headers={"accept": "application/json"}).json()["rows"][0]
    assert (row["has_figures"], row["no_figures"]) == (False, "—")


def test_one_is_cancelled_from_its_row(reader: Any, lab: Path) -> None:
    job = make_backtest("running")
    reader.post(reverse("dashboard:cancel_backtest", args=[job.pk]))
    job.refresh_from_db()
    assert (job.state, job.error) == ("cancelled", "cancelled by mehta")


def test_a_result_shows_figures_days_and_each_trade_with_its_why(reader: Any, lab: Path) -> None:
    page = reader.get(reverse("dashboard:backtest", args=[make_backtest().pk])).content.decode()
    for words in (
        "−₹1,234.50", "200.50", "12.40 % of the time", "₹2,000.00 (0.20 %)", "not made good", "stop touched",
        "above the range", "2025-03-03 +₹765.50", "the gate refused: BUYING_POWER 3", "4 Mar 2025 09:20", "10:20",
        "+₹120.00", "−₹960.00", "50.00\xa0%", "0.13", "234.50", "09:20 to 14:45, at market", "15:05", "₹10,00,000.00",
        "Equity from ₹10,00,765.50 to ₹9,98,765.50",
    ):  # fmt: skip
        assert words in page


def with_result(**changes: Any) -> Backtest:
    job = make_backtest()
    Backtest.objects.filter(pk=job.pk).update(result=RESULT | changes)
    return job


def page_of(reader: Any, job: Backtest, query: str = "") -> str:
    answer = reader.get(reverse("dashboard:backtest", args=[job.pk]) + query)
    assert answer.status_code == 200
    return str(answer.content.decode())


def test_figures_nobody_has_are_shown_and_do_not_break_the_page(reader: Any, lab: Path) -> None:
    huge = "1" + "0" * 30 + ".05"
    page = page_of(reader, with_result(net=huge, gross=huge, equity=[["2025-03-03", huge], ["2025-03-04", "0"]]))
    assert "+₹10" + ",00" * 13 + ",000.05" in page


def test_a_result_from_before_a_figure_was_made_says_unknown(reader: Any, lab: Path) -> None:
    newer = ("total_charges", "win_percent", "average_win", "average_loss", "profit_factor")
    job = make_backtest()
    Backtest.objects.filter(pk=job.pk).update(result={name: RESULT[name] for name in RESULT if name not in newer})
    facts = reader.get(reverse("dashboard:backtest", args=[job.pk]), headers={"accept": "application/json"}).json()
    told = {fact["name"]: fact["words"] for fact in facts["facts"]}
    assert {told[name] for name in ("Won", "Average win", "Average loss", "Profit factor")} == {"unknown"}


def test_trades_come_by_fifty_and_all_stay_within_reach(reader: Any, lab: Path) -> None:
    first = RESULT["round_trips"][0]
    job = with_result(round_trips=[first | {"net": f"{nth}.25"} for nth in range(300)])
    page = page_of(reader, job)
    assert (page.count(">+299.25<"), page.count(">+250.25<"), page.count(">+249.25<")) == (1, 1, 0)
    assert "?shown=250#trades-title" in page
    page = page_of(reader, job, "?shown=300")
    assert ">+1.25<" in page
    assert "?shown=" not in page
    assert page_of(reader, job, "?shown=-1' or").count(">+249.25<") == 0


@pytest.mark.parametrize(
    ("table", "kind", "words"),
    [
        ("trades.csv", "text/csv", "'=cmd,2025"),
        ("equity.csv", "text/csv", "2025-03-03,1000765.50"),
        ("result.json", "application/json", '"net": "-1234.50"'),
    ],
)
def test_a_result_is_taken_along_as_a_file(reader: Any, lab: Path, table: str, kind: str, words: str) -> None:
    job = with_result(round_trips=[RESULT["round_trips"][0] | {"entry_reason": "=cmd"}])
    answer = reader.get(reverse("dashboard:backtest_file", args=[job.pk, table]))
    assert answer["Content-Type"].startswith(kind)
    assert answer["Content-Disposition"].startswith('attachment; filename="momentum-')
    assert words in answer.content.decode()


@pytest.mark.parametrize(("state", "table"), [("running", "trades.csv"), ("done", "other.csv")])
def test_there_is_no_file_without_a_result_or_of_another_name(reader: Any, lab: Path, state: str, table: str) -> None:
    address = reverse("dashboard:backtest_file", args=[make_backtest(state).pk, table])
    assert reader.get(address).status_code == 404


def test_what_was_tried_is_deployed_by_a_form_filled_with_it(admin_client: Any, lab: Path) -> None:
    asked = RESULT["request"] | {"parameters": {"lookback": 33, "long_only": False}, "size": "250000"}
    link = panels.backtest_snapshot(with_result(request=asked).pk)["deploy"]
    form = admin_client.get(link).context["adminform"].form
    values = {name: form[name].value() for name in ("parameter_lookback", "parameter_long_only", "size", "flat_by")}
    assert values == {
        "parameter_lookback": "33", "parameter_long_only": "", "size": "250000", "flat_by": "15:05:00",
    }  # fmt: skip
    assert str(form["strategy"].value()) == str(Strategy.objects.get(name="momentum").pk)
    assert [str(one) for one in form["instruments"].value()] == [str(Instrument.objects.get(tradingsymbol="INFY").pk)]


def test_only_staff_is_offered_what_admin_does(admin_client: Any, reader: Any, lab: Path) -> None:
    job = make_backtest()
    assert "Deploy with these parameters" in page_of(admin_client, job)
    assert "Deploy with these parameters" not in page_of(reader, job)


def test_a_result_with_something_unknown_says_so_and_no_net(reader: Any, lab: Path) -> None:
    why = "charges unknown: no rate is on file for trades of 2019-01-01 (1 days)"
    unknown = RESULT | {"net": None, "unknown": [why]}
    job = make_backtest()
    Backtest.objects.filter(pk=job.pk).update(result=unknown)
    page = reader.get(reverse("dashboard:backtest", args=[job.pk])).content.decode()
    assert why in page
    rows = reader.get(reverse("dashboard:lab"), headers={"accept": "application/json"}).json()["rows"]
    assert rows[0]["net"] is None


def test_one_that_is_not_there_is_not_found(reader: Any, lab: Path) -> None:
    assert reader.get(reverse("dashboard:backtest", args=["01a21800-0000-7000-8000-000000000000"])).status_code == 404


def test_one_that_runs_says_how_far_it_is(reader: Any, lab: Path) -> None:
    page = reader.get(reverse("dashboard:backtest", args=[make_backtest("running").pk])).content.decode()
    assert "reading its data" in page
    assert "Its figures come here when it is done." in page
