from dataclasses import replace
from datetime import UTC, date, datetime, timedelta

import pytest

from alphapanda.core.timezone import IST
from alphapanda.flight import market, orders, servers
from alphapanda.flight.finding import Finding, Level, ok_finding, red_finding, warn_finding, worst_finding
from instruments.domain.sessions import DaySchedule, Phase
from market.domain.entries import StreamPosition
from market.domain.staleness import Liveness
from market.models import FeedLease
from market.quotes import FeedState
from trading.models import BrokerSession, Gate

NOW = datetime(2026, 11, 23, 4, 0, tzinfo=UTC)
DAY = date(2026, 11, 23)
GIB = servers.GIB


def at(hour: int, minute: int = 0) -> datetime:
    return datetime(2026, 11, 23, hour, minute, tzinfo=IST)


OPEN = DaySchedule(
    "NSE", "equity_fno", DAY, (Phase("continuous", at(9, 15), at(15, 30)),), known=True, is_holiday=False, source="test"
)
STATE = FeedState("kite", Liveness.LIVE, epoch=3, n=9, connected=True, frame_age_ms=400, subscribed=60)
LEASE = FeedLease(epoch=3, holder="host:1")


@pytest.mark.parametrize(
    ("finding", "level", "words"),
    [
        (servers.valkey_keeps("v", "9.0", "noeviction"), "ok", "evicts nothing"),
        (servers.valkey_keeps("v", "9.0", "allkeys-lru"), "red", "maxmemory-policy is allkeys-lru"),
        (servers.disk_room("d", 20 * GIB, "/state"), "ok", "20.0 GiB free at /state"),
        (servers.disk_room("d", 3 * GIB, "/state"), "warn", "3.0 GiB"),
        (servers.disk_room("d", GIB // 2, "/state"), "red", "a day needs 1"),
        (servers.workers_heard("w", {"risk", "lab"}, ["risk"]), "ok", "2 queues"),
        (servers.workers_heard("w", {"risk"}, ["risk"]), "warn", "none of them is lab"),
        (
            servers.workers_heard("w", {"lab"}, ["risk", "ticks.kite-0"]),
            "red",
            "answers for risk, ticks.kite-0",
        ),
        (servers.beat_ran("b", None, NOW), "warn", "has not said yet"),
        (servers.beat_ran("b", NOW - timedelta(minutes=3), NOW), "ok", "3 min ago"),
        (servers.beat_ran("b", NOW - timedelta(minutes=8), NOW), "red", "not found again"),
        (market.calendar_reaches("c", OPEN, date(2027, 12, 31)), "ok", "NSE trades 09:15 to 15:30 today; known until"),
        (market.calendar_reaches("c", OPEN, date(2026, 12, 20)), "warn", "load the next year's"),
        (market.calendar_reaches("c", replace(OPEN, known=False), date(2027, 12, 31)), "red", "counts as closed"),
        (market.calendar_reaches("c", replace(OPEN, phases=()), date(2027, 12, 31)), "ok", "NSE is closed today"),
        (market.clock_differs("k", "Mon, 23 Nov 2026 04:00:00 GMT", NOW), "ok", "0.0 s"),
        (market.clock_differs("k", "Mon, 23 Nov 2026 03:59:57 GMT", NOW + timedelta(seconds=0)), "warn", "3.0 s"),
        (market.clock_differs("k", "Mon, 23 Nov 2026 03:59:50 GMT", NOW), "red", "set this machine's clock"),
        (market.clock_differs("k", "", NOW), "warn", "carries no date"),
        (
            market.feed_lives("f", "kite", STATE, LEASE),
            "ok",
            "kite is live, last frame 0.4 s ago, 60 instruments",
        ),
        (market.feed_lives("f", "kite", replace(STATE, state=Liveness.STALE), LEASE), "warn", "kite is stale"),
        (market.feed_lives("f", "kite", replace(STATE, state=Liveness.DEAD, reason="x"), LEASE), "red", "dead: x"),
        (market.feed_lives("f", "kite", None, LEASE), "red", "it has never run"),
        (market.feed_lives("f", "kite", STATE, None), "red", "without a lease"),
        (market.shard_keeps_up("l", "kite-0", StreamPosition(1, 9), StreamPosition(1, 9)), "ok", "0 behind"),
        (market.shard_keeps_up("l", "kite-0", StreamPosition(1, 9), StreamPosition(1, 99)), "warn", "90 behind"),
        (market.shard_keeps_up("l", "kite-0", StreamPosition(1, 9), StreamPosition(1, 999)), "red", "slow or gone"),
        (market.shard_keeps_up("l", "kite-0", StreamPosition(1, 9), StreamPosition(2, 1)), "warn", "another epoch"),
        (market.shard_keeps_up("l", "kite-0", StreamPosition(2, 9), StreamPosition(0, 0)), "ok", "0 behind"),
        (orders.work_waits("q", {"signals": None}, NOW), "ok", "nothing waits"),
        (orders.work_waits("q", {"signals": NOW - timedelta(seconds=30)}, NOW), "warn", "the oldest for 30 s"),
        (orders.work_waits("q", {"signals": NOW - timedelta(seconds=90)}, NOW), "red", "the oldest for 90 s"),
        (orders.gate_open("g", Gate(is_global=True)), "ok", "everything: active"),
        (orders.gate_open("g", Gate(is_global=True, state="reduce_only")), "warn", "reduce only"),
        (orders.gate_open("g", Gate(state="halted", changed_by="Asha", reason="x")), "red", "halted by Asha: x"),
    ],
)
def test_each_finding_has_its_colour_and_words(finding, level, words):
    assert finding.level == level
    assert words in finding.words


def login(**changes) -> BrokerSession:
    return BrokerSession(**{"state": "live", "expires_at": NOW + timedelta(hours=20)} | changes)


@pytest.mark.parametrize(
    ("session", "carries_data", "level"),
    [
        (login(), True, "ok"),
        (login(expires_at=NOW), True, "red"),
        (login(state="logged_out"), True, "red"),
        (None, True, "red"),
        (None, False, "warn"),
    ],
)
def test_a_login_must_last_until_the_next_six_o_clock(session, carries_data, level):
    assert market.session_lasts("s", "main", session, NOW, carries_data).level == level


def test_several_answers_are_as_bad_as_the_worst_and_leave_out_what_is_fine():
    assert worst_finding([ok_finding("a", "x"), warn_finding("a", "y"), red_finding("a", "z")], "n", "") == Finding(
        "n", Level.RED, "y; z"
    )
    assert worst_finding([], "n", "nothing to ask") == ok_finding("n", "nothing to ask")
