"""Backtests asked over REST or a page: queued, run to the end, taken back, begun anew after a kill."""

from datetime import timedelta

import pytest
from celery.worker import state as worker_state
from rest_framework.test import APIClient

from alphapanda.core.clock.market_time import wall_now
from tests.stories.pipeline import make_instrument
from trading import wakeups
from trading.errors import NotAllowed
from trading.lab import jobs
from trading.lab.request import BacktestRequest, BadRequest
from trading.models import Backtest
from trading.strategies.parameters import BadParameters
from trading.tests.api.conftest import make_user
from trading.tests.lab.test_a_backtest_by_command import DIP, infy, write_days

__all__ = ["infy"]


@pytest.fixture
def folder(infy, settings, tmp_path, monkeypatch, valkey):
    settings.LAB_CANDLES = str(tmp_path / "candles")
    (tmp_path / "candles").mkdir()
    write_days(tmp_path / "candles", DIP, days=3)
    monkeypatch.setattr(wakeups.app, "send_task", lambda *args, **kwargs: None)
    return tmp_path / "candles"


@pytest.fixture
def client(folder):
    client = APIClient()
    client.force_authenticate(make_user())
    return client


def asked(**changes):
    usual = {"strategy": "test-one-lot", "instruments": ["NSE:INFY"], "candles": ["INFY.csv"]}
    return usual | {"sizing": "lots", "size": "10", "entry_from": "09:15"} | changes


def ask(**changes) -> Backtest:
    return jobs.ask_backtest(BacktestRequest.from_json(jobs.within_folder(asked(**changes))), "tests")


def test_asked_over_rest_it_is_run_and_read(client):
    answer = client.post("/api/v1/backtests/", asked(), format="json")
    assert (answer.status_code, answer.data["state"]) == (202, "waiting")
    assert jobs.work_off() == 1
    read = client.get(f"/api/v1/backtests/{answer.data['id']}/").data
    assert (read["state"], read["result"]["trades"], read["days_played"] <= 3) == ("done", 3, True)
    assert read["code_hash"] == read["result"]["code_hash"]
    [row] = client.get("/api/v1/backtests/").data["results"]
    assert "result" not in row


def test_the_files_there_are_are_named(client):
    assert client.get("/api/v1/backtests/candles/").data == {"candles": ["INFY.csv"]}


@pytest.mark.parametrize(
    ("changes", "field"),
    [
        ({"candles": ["../secret.csv"]}, "candles"),
        ({"candles": "INFY.csv"}, "candles"),
        ({"candles": []}, "candles"),
        ({"candles": [], "recordings": ["2025-03-03"]}, "recordings"),
        ({"candles": [], "recordings": ["/etc/passwd"]}, "recordings"),
        ({"instruments": "NSE:INFY"}, "instruments"),
        ({"size": "lots"}, "size"),
        ({"colour": "red"}, "colour"),
        ({"parameters": {"buy_at": "-1"}}, "parameters"),
        ({"first": "2025-03-05", "last": "2025-03-04"}, "last"),
        ({"entry_from": "25:00"}, "entry_from"),
        ({"entry_from": "15:00", "entry_until": "10:00"}, "entry_until"),
        ({"flat_by": "14:00"}, "flat_by"),
        ({"strategy": "no-such"}, "strategy"),
        ({"strategy": ["test-one-lot"]}, "strategy"),
        ({"instruments": ["NSE:NOSUCH"]}, "instruments"),
        ({"instruments": ["NSE:INFY", "NSE:INFY"]}, "instruments"),
        ({"instruments": ["NSE:INFY\x00"]}, "instruments"),
        ({"instruments": 7}, "instruments"),
        ({"instruments": {"NSE:INFY": 1}}, "instruments"),
        ({"account": "Nobody's"}, "account"),
        ({"account": 7}, "account"),
        ({"capital": "1e30"}, "capital"),
        ({"capital": [1]}, "capital"),
        ({"size": "1e30"}, "size"),
        ({"slippage_ticks": "1e30"}, "slippage"),
        ({"first": 20250304}, "first"),
        ({"parameters": ["buy_at"]}, "parameters"),
        ({"parameters": {"buy_at": {}}}, "parameters"),
        ({"answers": {"zone": ["IST"]}}, "answers"),
    ],
)
def test_what_is_wrong_is_said_by_field(client, changes, field):
    answer = client.post("/api/v1/backtests/", asked(**changes), format="json")
    assert answer.status_code == 400
    assert [one["attr"].split(".")[0] for one in answer.data["errors"]] == [field]
    assert not Backtest.objects.exists()


def test_a_list_where_an_object_is_wanted_is_said(client):
    for body in ([1], "momentum", 7, None):
        assert client.post("/api/v1/backtests/", body, format="json").status_code == 400


def test_an_index_alone_cannot_be_traded(client):
    make_instrument(256265, "NIFTY 50", segment="INDICES", lot_size=0, has_derivatives=False)
    answer = client.post("/api/v1/backtests/", asked(instruments=["NSE:NIFTY 50"]), format="json")
    [error] = answer.data["errors"]
    assert (answer.status_code, error["attr"]) == (400, "instruments")
    assert "at least one instrument to trade" in error["detail"]


def test_a_fault_of_the_strategy_is_a_state_of_its_own_with_what_was_played(folder):
    job = ask(strategy="test-buys-then-raises")
    jobs.work_off()
    job.refresh_from_db()
    assert (job.state, job.get_state_display(), len(job.result["round_trips"])) == ("faulted", "stopped by a fault", 1)
    assert job.error.startswith("Stopped by a fault on Mon 3 Mar 2025 09:21:00, day 1 of 3: test-buys-then-raises")


def test_nobody_unknown_asks(folder):
    assert APIClient().post("/api/v1/backtests/", asked(), format="json").status_code in (401, 403)


def test_a_strategy_that_is_not_there_is_refused(folder):
    with pytest.raises(BadRequest, match="no strategy"):
        ask(strategy="none")
    with pytest.raises(BadParameters):
        ask(parameters={"buy_at": "0"})
    with pytest.raises(BadRequest):
        ask(candles=["/etc/passwd"])


def test_data_that_cannot_be_read_fails_it_in_words(folder):
    job = ask()
    (folder / "INFY.csv").write_text("timestamp,open,high,low,close\n2025-03-03 09:15,1,2,3,4\n")
    jobs.work_off()
    job.refresh_from_db()
    assert (job.state, job.result) == ("failed", None)
    assert "INFY.csv" in job.error


def test_cancelled_while_it_waits_it_is_not_run(folder):
    job = ask()
    jobs.cancel_backtest(job, "tests")
    assert jobs.work_off() == 0
    with pytest.raises(NotAllowed):
        jobs.cancel_backtest(job, "tests")


def test_cancelled_while_it_runs_it_stops_and_has_no_result(folder, monkeypatch):
    job = ask()
    monkeypatch.setattr(jobs, "BEAT_EVERY", timedelta(0))
    run = jobs.run_backtest

    def cancelled_meanwhile(request, *told):
        jobs.cancel_backtest(job, "tests")
        return run(request, *told)

    monkeypatch.setattr(jobs, "run_backtest", cancelled_meanwhile)
    assert jobs.work_off() == 1
    job.refresh_from_db()
    assert (job.state, job.result, job.error) == ("cancelled", None, "cancelled by tests")


def test_what_a_killed_worker_had_begun_is_begun_anew_and_comes_out_the_same(folder):
    whole, killed = ask(), ask()
    jobs.work_off()
    whole.refresh_from_db()
    long_ago = wall_now() - timedelta(minutes=5)
    Backtest.objects.filter(pk=killed.pk).update(
        state="running", result=None, worker="lab@gone:1", beat_at=long_ago, days_played=2
    )
    assert jobs.wake_for_backtests(wall_now()) == 1
    assert jobs.work_off() == 1
    killed.refresh_from_db()
    assert (killed.state, killed.result, killed.attempts) == ("done", whole.result, 2)


def test_a_worker_that_was_taken_for_dead_writes_nothing(folder, monkeypatch):
    job = ask()
    run = jobs.run_backtest

    def taken_meanwhile(request, *told):
        Backtest.objects.filter(pk=job.pk).update(attempts=2, worker="lab@other:2")
        return run(request, *told)

    monkeypatch.setattr(jobs, "run_backtest", taken_meanwhile)
    jobs.work_off()
    job.refresh_from_db()
    assert (job.state, job.result, job.worker) == ("running", None, "lab@other:2")


def test_told_to_end_a_worker_puts_its_job_back_and_the_next_goes_on_with_it(folder, monkeypatch):
    job = ask()
    run = jobs.run_backtest

    def told_meanwhile(request, *told):
        monkeypatch.setattr(worker_state, "should_stop", 0)
        return run(request, *told)

    monkeypatch.setattr(jobs, "run_backtest", told_meanwhile)
    jobs.work_off()
    job.refresh_from_db()
    assert (job.state, job.result, job.halfway.state != b"") == ("waiting", None, True)
    assert jobs.work_off() == 0
    monkeypatch.setattr(worker_state, "should_stop", None)
    monkeypatch.setattr(jobs, "run_backtest", run)
    assert jobs.work_off() == 1
    job.refresh_from_db()
    assert (job.state, job.result["trades"]) == ("done", 3)


def test_one_that_kills_its_worker_each_time_is_given_up(folder):
    job = ask()
    Backtest.objects.filter(pk=job.pk).update(
        state="running", attempts=3, beat_at=wall_now() - timedelta(minutes=5), worker="lab@gone:1"
    )
    assert jobs.wake_for_backtests(wall_now()) == 0
    job.refresh_from_db()
    assert (job.state, job.error) == ("failed", "its worker died 3 times")


def test_a_worker_that_beats_is_left_alone(folder):
    job = ask()
    Backtest.objects.filter(pk=job.pk).update(state="running", beat_at=wall_now(), worker="lab@here:1")
    jobs.wake_for_backtests(wall_now())
    job.refresh_from_db()
    assert job.state == "running"
