"""A play that was kept goes on from there: to the bit as if nobody had killed it, wherever that was."""

import json
import os
import signal
import struct
import subprocess
import sys
from datetime import datetime, timedelta
from decimal import Decimal
from urllib.parse import quote

import pytest
from django.conf import settings as config
from django.db import connection

from alphapanda.core.clock.market_time import wall_now
from alphapanda.core.timezone import IST
from instruments.models import Instrument
from market.recording import MAGIC
from market.tests.frames import encode_frame, full_rows
from trading.lab import halfway, jobs
from trading.lab.backtest import run_backtest
from trading.lab.report import as_json
from trading.lab.request import BacktestRequest
from trading.models import Backtest, BacktestHalfway
from trading.tests.lab.test_a_backtest_by_command import infy, write_days
from trading.tests.lab.test_a_backtest_is_a_job import ask, folder
from trading.tests.lab.walks import FIRST, write_walk

__all__ = ["folder", "infy"]
DAYS = 4
OVERNIGHT = {"strategy": "moving_average_crossover", "seed": 3, "product": "CNC", "parameters": {"interval": 3}}


class Killed(Exception):
    pass


class Keeps:
    """Keeps at each day's end, and is killed right after the ``nth``."""

    def __init__(self, nth=None, state=None):
        self.nth, self.state, self.kept_times = nth, state, 0

    def kept(self):
        return self.state

    def keep(self, state):
        self.state = state()
        assert self.state is not None
        self.kept_times += 1
        if self.kept_times == self.nth:
            raise Killed


def request_of(folder, strategy, seed, **changes):
    path = write_walk(folder, seed=seed, days=DAYS)
    asked = {"instruments": ["NSE:INFY"], "candles": [str(path)], "answers": {"zone": "IST"}, "strategy": strategy}
    return BacktestRequest.from_json(asked | changes)


def undecided(folder):
    """Two days, on each of which one minute reaches stop and target both: all of it is played twice."""
    path = write_days(folder, ["1505", "1505", "1499", "1500", "1505"], days=2)
    lines = path.read_text().replace("09:19:00,1505,1505,1505", "09:19:00,1505,1511,1480")
    path.write_text(lines)
    return BacktestRequest.from_json({
        "instruments": ["NSE:INFY"], "candles": [str(path)], "strategy": "test-brackets", "entry_from": "09:15",
    })  # fmt: skip


def overnight(folder):
    return request_of(folder, **OVERNIGHT)


def result_of(request, keeper):
    return json.dumps(as_json(run_backtest(request, keeper=keeper)))


def killed_after(request, nth, state=None):
    keeper = Keeps(nth, state)
    with pytest.raises(Killed):
        result_of(request, keeper)
    return keeper.state


@pytest.mark.parametrize(("asked", "trades"), [(undecided, 2), (overnight, 6)])
def test_killed_after_any_day_it_comes_out_the_same_to_the_byte(infy, tmp_path, asked, trades):
    request, whole = asked(tmp_path), Keeps()
    result = result_of(request, whole)
    assert whole.kept_times == 4  # days, or two days twice
    assert len(json.loads(result)["round_trips"]) >= trades
    for nth in range(1, whole.kept_times + 1):
        rest = Keeps(state=killed_after(request, nth))
        assert result_of(request, rest) == result
        assert rest.kept_times == whole.kept_times - nth


def test_killed_again_and_again_it_comes_out_the_same(infy, tmp_path):
    request, state = request_of(tmp_path, **OVERNIGHT), None
    result = result_of(request, Keeps())
    for _ in range(DAYS - 1):
        state = killed_after(request, 1, state)
    assert result_of(request, Keeps(state=state)) == result


def other_byte(state):
    return state[:-1] + bytes([state[-1] ^ 1])


@pytest.mark.parametrize("spoil", [other_byte, lambda state: b"", lambda state: state[: len(state) // 2]])
def test_what_is_not_as_it_was_kept_is_not_read(infy, tmp_path, spoil, monkeypatch):
    request = request_of(tmp_path, **OVERNIGHT)
    state, result = killed_after(request, 2), result_of(request, Keeps())
    monkeypatch.setattr(halfway._Unpickler, "load", lambda self: pytest.fail("read what was not kept"))
    anew = Keeps(state=spoil(state))
    assert (result_of(request, anew), anew.kept_times) == (result, DAYS)


def test_another_request_data_or_code_begins_anew(infy, tmp_path, monkeypatch):
    request = request_of(tmp_path, **OVERNIGHT)
    state = killed_after(request, 2)
    others = [request_of(tmp_path, **OVERNIGHT, capital="900000"), request_of(tmp_path, **OVERNIGHT | {"seed": 5})]
    for other in others:
        keeper = Keeps(state=state)
        assert (result_of(other, keeper), keeper.kept_times) == (result_of(other, Keeps()), DAYS)
    monkeypatch.setattr(halfway, "own_code", lambda: "other code")
    keeper = Keeps(state=state)
    result_of(request_of(tmp_path, **OVERNIGHT), keeper)
    assert keeper.kept_times == DAYS


def test_a_strategy_whose_memory_cannot_be_kept_is_played_all_the_same(infy, tmp_path):
    request = request_of(tmp_path, "test-keeps-a-lock", 3)
    kept = []

    class Asks(Keeps):
        def keep(self, state):
            kept.append(state())

    result_of(request, Asks())
    assert kept == [None] * DAYS


# ---- of recordings -------------------------------------------------------------------------------------------


class KeepsUntilTheLastDay(Keeps):
    """After the last day there is no rest to go on with, and nothing is kept."""

    def keep(self, state):
        if state() is not None:
            super().keep(state)


def record(path, day, paise):
    """Write a day's ticks from 9:30 on, one a second, at these prices and then at the last of them."""
    opens = datetime.combine(day, FIRST.time(), IST) + timedelta(minutes=15)
    with path.open("wb") as file:
        file.write(MAGIC)
        for nth in range(90):  # seconds
            price, second = paise[min(nth // 5, len(paise) - 1)], int(opens.timestamp()) + nth
            tick = {"last_price": price, "exchange_timestamp": second, "volume": 1000 + nth * 100}
            frame = encode_frame(full_rows(tick))
            file.write(struct.pack("<qqI", second * 1000, second * 1000, len(frame)) + frame)
    return str(path)


def recorded(folder, **changes):
    """Three days: bought and sold on the first, held over two nights from then on."""
    prices = [[150_500, 149_900, 151_100, 149_900], [150_000, 150_500], [150_400, 151_100]]
    days = [FIRST.date() + timedelta(days=nth) for nth in range(len(prices))]
    paths = [record(folder / f"{day}.aprec", day, each) for day, each in zip(days, prices, strict=True)]
    asked = {"instruments": ["NSE:INFY"], "recordings": paths, "strategy": "test-one-lot", "product": "CNC"}
    asked |= {"sizing": "lots", "size": "10"}
    return BacktestRequest.from_json(asked | changes)


def test_one_of_recordings_comes_out_the_same_to_the_byte_after_any_day(infy, tmp_path):
    Instrument.objects.filter(pk=infy.pk).update(tick_size=Decimal("0.05"))
    request, whole = recorded(tmp_path), KeepsUntilTheLastDay()
    result = result_of(request, whole)
    trips = json.loads(result)["round_trips"]
    assert [trip["exit_reason"] for trip in trips] == ["1511 is at or over 1510"] * 2
    assert whole.kept_times == 2
    state = None
    for _ in range(2):
        keeper = KeepsUntilTheLastDay(1, state)
        with pytest.raises(Killed):
            result_of(request, keeper)
        state = keeper.state
        assert result_of(request, KeepsUntilTheLastDay(state=state)) == result


# ---- in the lab's queue --------------------------------------------------------------------------------------


# Works the queue off, and once the first state is kept kills itself, as kill -9 does.
WORKER = """
import os, signal, django
django.setup()
from trading.lab import jobs
keep = jobs._Keeper.keep
def keep_and_die(self, state):
    self.kept_at -= jobs.KEEP_EVERY
    keep(self, state)
    os.kill(os.getpid(), signal.SIGKILL)
jobs._Keeper.keep = keep_and_die
jobs.work_off()
"""


def work_and_die() -> None:
    settings = connection.settings_dict
    environment = os.environ | {
        "DJANGO_SETTINGS_MODULE": "alphapanda.settings",
        "DATABASE_URL": f"postgres://{settings['USER']}@{quote(settings['HOST'], safe='')}/{settings['NAME']}",
        "SECRET_KEY": config.SECRET_KEY,
        "STRATEGY_PACKAGES": ",".join(config.STRATEGY_PACKAGES),
    }
    done = subprocess.run([sys.executable, "-c", WORKER], env=environment, capture_output=True, timeout=60, check=False)
    assert done.returncode == -signal.SIGKILL, done.stderr.decode()


def found_dead(job):
    Backtest.objects.filter(pk=job.pk).update(beat_at=wall_now() - timedelta(minutes=5))
    return jobs.wake_for_backtests(wall_now())


def test_a_worker_that_is_killed_leaves_how_far_it_came_and_the_next_goes_on(folder):
    whole = ask()
    jobs.work_off()
    killed = ask()
    work_and_die()
    assert found_dead(killed) == 1
    assert BacktestHalfway.objects.get().backtest_id == killed.pk
    assert jobs.work_off() == 1
    whole.refresh_from_db()
    killed.refresh_from_db()
    assert (killed.state, killed.result, killed.attempts) == ("done", whole.result, 2)
    assert not BacktestHalfway.objects.exists()


def test_one_that_came_further_each_time_is_not_given_up(folder):
    job, now = ask(), wall_now()
    Backtest.objects.filter(pk=job.pk).update(state="running", attempts=3, started_at=now, worker="lab@gone:1")
    BacktestHalfway.objects.create(backtest=job, kept_at=now + timedelta(seconds=40), state=b"")
    assert found_dead(job) == 1
    assert jobs.work_off() == 1


def test_cancelled_nothing_of_it_is_kept(folder):
    job = ask()
    BacktestHalfway.objects.create(backtest=job, kept_at=wall_now(), state=b"")
    jobs.cancel_backtest(job, "tests")
    assert not BacktestHalfway.objects.exists()


def test_what_another_worker_has_taken_over_is_not_kept(folder):
    job = ask()
    keeper = jobs._Keeper(job)
    keeper.kept_at -= timedelta(minutes=1)
    with pytest.raises(jobs.TakenBack):
        keeper.keep(lambda: b"state")
    assert not BacktestHalfway.objects.exists()
