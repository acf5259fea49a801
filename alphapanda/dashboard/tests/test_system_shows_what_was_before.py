"""System tells of the last half hour too: the lag as a line with its figures, and who began anew and why."""

from dataclasses import asdict
from datetime import timedelta
from typing import Any

import orjson
import pytest
import redis

from alphapanda.core.clock.market_time import wall_now
from alphapanda.core.telemetry.heartbeats import STARTS, Process
from alphapanda.dashboard.panels.context import PageContext
from alphapanda.dashboard.panels.system import history
from alphapanda.dashboard.tests.conftest import SampleDay
from trading.ticks.lag import Sample


def lag_of(sample: SampleDay, monkeypatch: pytest.MonkeyPatch, *behind: int | None) -> history.LagRow:
    began = wall_now() - timedelta(seconds=10 * (len(behind) - 1))
    seen = [Sample(began + timedelta(seconds=10 * at), value) for at, value in enumerate(behind)]
    monkeypatch.setattr(history, "read_lag", lambda shards: {shard.pk: seen for shard in shards})
    [row] = history.lag_panel(PageContext())["rows"]
    return row


@pytest.mark.parametrize(
    ("behind", "words", "tone"),
    [
        ((2, 0, 14, 3), "first 2, least 0, most 14, last 3 entries behind, in 30 s", ""),
        ((0, 60, 0), "first 0, least 0, most 60, last 0 entries behind, in 20 s", "warn"),
        ((0, 700), "first 0, least 0, most 700, last 700 entries behind, in 10 s", "fault"),
        ((1, None, 2), "first 1, least 1, most 2, last 2 entries behind, in 20 s; 1 look across epochs", ""),
        ((None,), "unknown: another epoch", ""),
        ((), "not looked at yet: housekeeping looks every 10 s", ""),
    ],
)
def test_the_lag_of_a_shard_is_said_in_figures(
    sample: SampleDay, monkeypatch: pytest.MonkeyPatch, behind: Any, words: str, tone: str
) -> None:
    row = lag_of(sample, monkeypatch, *behind)
    assert (row["words"], row["tone"]) == (words, tone)
    assert row["spark"] == [str(one) for one in behind if one is not None]


def test_the_age_of_the_line_is_that_of_its_last_look(sample: SampleDay, monkeypatch: pytest.MonkeyPatch) -> None:
    assert lag_of(sample, monkeypatch, 1, 2)["age"]["state"] == "live"
    assert lag_of(sample, monkeypatch)["age"]["state"] == "unknown"


def keep_start(valkey: Any, before: Process | None) -> None:
    process = Process("ticks@desk", "candles", 42, wall_now(), wall_now())
    said = {"process": asdict(process), "before": asdict(before) if before else None}
    valkey.lpush(STARTS, orjson.dumps(said))


def test_a_restart_says_which_when_and_why(sample: SampleDay, valkey: Any) -> None:
    valkey.delete(STARTS)
    old = Process("ticks@desk", "candles", 41, wall_now(), wall_now())
    for before in (None, old, Process(*(list(asdict(old).values())[:-1]), "MemoryError")):
        keep_start(valkey, before)
    panel = history.starts_panel(PageContext())
    died, killed, orderly = (row["why"] for row in panel["rows"])
    assert died.startswith("The one before (process 41) died of MemoryError, last heard at ")
    assert killed.startswith("The one before (process 41) was killed")
    assert orderly.startswith("In order")
    assert panel["counts"] == "2 accidents among the last 3"


def test_what_valkey_cannot_tell_is_said(sample: SampleDay, monkeypatch: pytest.MonkeyPatch) -> None:
    def away(*_: Any) -> None:
        raise redis.ConnectionError

    monkeypatch.setattr(history, "read_lag", away)
    monkeypatch.setattr(history, "read_starts", away)
    page = PageContext()
    for panel in (history.lag_panel(page), history.starts_panel(page)):
        assert panel["rows"] == []
        assert panel["empty"].startswith("Valkey did not answer")


def test_the_page_shows_both(reader: Any, sample: SampleDay) -> None:
    page = reader.get("/system/").content.decode()
    assert "each shard behind its feed, over half an hour" in page
    assert "Restarts" in page
