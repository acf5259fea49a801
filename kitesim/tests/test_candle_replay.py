"""A replayed day gives back exactly the candles that went in."""

import os
from datetime import date, datetime
from pathlib import Path

import numpy as np
import polars as pl
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from kitesim.config import read_config
from kitesim.exchange import board as b
from kitesim.exchange.candles import Bars, CandleFile, bars_of_ticks
from kitesim.exchange.trading_days import IST, midnight_of
from kitesim.replay.candle_files import candle_paths, read_candles
from kitesim.replay.candle_market import SECONDS, CandleMarket, synthesise_ticks
from kitesim.tests.ticker_callbacks import TickerCallbacks, frames_in, of_kind

DAY = date(2024, 5, 6)
SHARED = Path(os.environ.get("ALPHAPANDA_SHARED_DATA", Path(__file__).parents[3] / "shared" / "data"))


def minute(n: int, day: date = DAY) -> int:
    return midnight_of(day) + 9 * 3600 + 900 + n * 60


@st.composite
def bars(draw):
    count = draw(st.integers(1, 20))
    rows = []
    for n in range(count):
        low = draw(st.integers(5, 200_000))
        high = low + draw(st.integers(0, 3000))
        inside = st.integers(low, high)
        rows.append((minute(n), draw(inside), high, low, draw(inside), draw(st.integers(0, 50_000))))
    columns = [np.array(column, np.int64) for column in zip(*rows, strict=True)]
    return Bars(*columns, np.zeros(count, np.int64))


@given(bars(), st.sampled_from([1, 5, 10]))
@settings(max_examples=150, deadline=None)
def test_the_ticks_of_a_minute_make_its_candle(candles, tick):
    ticks = synthesise_ticks(candles, tick)
    assert bars_of_ticks(ticks.at, ticks.price, ticks.volume).rows() == candles.rows()
    assert set((ticks.at % 60).tolist()) <= set(SECONDS)


def write_day(folder: Path, symbol: str, seed: int, zone: str = "") -> None:
    """Two days of candles: one of history, one to replay, with a row that stands there twice."""
    rng = np.random.default_rng(seed)
    rows = []
    for day in (date(2024, 5, 3), DAY):
        price = 150_000 + np.cumsum(rng.integers(-80, 81, 375) * 5)
        for n in range(375):
            opens, closes = int(price[n]), int(price[n] + rng.integers(-20, 21) * 5)
            high, low = (
                max(opens, closes) + int(rng.integers(0, 9)) * 5,
                min(opens, closes) - int(rng.integers(0, 9)) * 5,
            )
            at = datetime.fromtimestamp(minute(n, day), IST).strftime("%Y-%m-%d %H:%M:%S") + zone
            volume = int(rng.integers(0, 5000)) if n % 50 else 0
            rows.append((symbol, at, opens / 100, high / 100, low / 100, closes / 100, volume))
    rows.append(rows[-1])
    names = ("symbol", "timestamp", "open", "high", "low", "close", "volume")
    pl.DataFrame(rows, schema=names, orient="row").write_csv(folder / f"{symbol}.csv")


@pytest.fixture
def folder(tmp_path) -> Path:
    write_day(tmp_path, "INFY", 1)
    write_day(tmp_path, "MADEUP", 2, "+05:30")
    return tmp_path


def packets(frame: bytes) -> list[bytes]:
    at, found = 2, []
    for _ in range(int.from_bytes(frame[:2], "big")):
        length = int.from_bytes(frame[at : at + 2], "big")
        found.append(frame[at + 2 : at + 2 + length])
        at += 2 + length
    assert at == len(frame)
    return found


def candles_of(frames: list[bytes]) -> dict[int, list[tuple]]:
    """What a listener in full mode makes of the frames, by token."""
    heard: dict[int, list[tuple[int, int, int]]] = {}
    for frame in frames:
        for packet in packets(frame):
            words = np.frombuffer(packet, ">u4")
            if len(packet) == 184 and words[15]:
                heard.setdefault(int(words[0]), []).append((int(words[15]), int(words[1]), int(words[4])))
    columns = {token: [np.array(column) for column in zip(*ticks, strict=True)] for token, ticks in heard.items()}
    return {token: bars_of_ticks(*column).rows() for token, column in columns.items()}


def frames_of(market: CandleMarket) -> list[bytes]:
    """All frames of the day, every instrument in full mode."""
    modes = np.full(len(market.board.words), 3, np.uint8)
    return [market.board.frame(np.unique(market.step(second)), modes) for second in market.seconds]


def test_a_lockstep_replay_gives_back_the_day_and_the_same_bytes_each_time(start_sim, tmp_path, folder):
    sim = start_sim("--replay", str(folder), "--replay-day", DAY.isoformat(), "--lockstep", "--no-limits")
    kite = sim.log_in()
    tokens = [row["instrument_token"] for row in kite.instruments()]
    callbacks = TickerCallbacks(sim, kite.access_token, seconds=60, frames=tmp_path / "heard", full=tokens)
    assert of_kind(callbacks.rest(), "text")[-1]["data"] == "replay finished"
    sim.stop()
    heard, files = frames_in(tmp_path / "heard"), read_candles(candle_paths([folder]), DAY)
    market = CandleMarket(files, DAY, {}, 1)
    assert heard[2:] == frames_of(market)  # before them: the packets that answered the subscription
    candles = candles_of(heard)
    for file, item in zip(files, market.board.instruments, strict=True):
        assert candles[item.token] == file.of_day(DAY).rows()


def test_days_before_the_replayed_one_are_its_history(start_sim, folder):
    sim = start_sim("--replay", str(folder), "--replay-day", DAY.isoformat(), "--rate", "0", "--no-limits")
    kite = sim.log_in()
    bars = kite.historical_data(408065, "2024-05-03 09:15:00", "2024-05-06 15:30:00", "minute")
    assert len(bars) == 375
    assert kite.historical_data(408065, "2024-05-01", "2024-05-06", "day")[0]["open"] == bars[0]["open"]
    assert kite.ltp("NSE:INFY")["NSE:INFY"]["last_price"] == bars[-1]["close"]
    assert sim.get("/sim/clock")["market_time"].startswith("2024-05-06T09:14:00")


def test_two_different_candles_for_one_minute_are_refused_by_name(folder):
    text = (folder / "INFY.csv").read_text().splitlines()
    (folder / "INFY.csv").write_text("\n".join([*text, text[-1].replace("INFY,", "INFY,", 1)[:-1] + "9"]))
    with pytest.raises(ValueError, match="INFY: two different candles"):
        read_candles(candle_paths([folder]), DAY)


@pytest.mark.skipif(not (SHARED / "candles_1m").is_dir(), reason="the shared data folder is not here")
def test_every_tick_of_a_real_day_of_twelve_shares_adds_up():
    day = date(2024, 7, 10)
    files = read_candles(candle_paths([SHARED / "candles_1m"]), day)
    market = CandleMarket(files, day, {}, 1)
    heard = candles_of(frames_of(market))
    assert len(heard) == 12
    for file, item in zip(files, market.board.instruments, strict=True):
        assert heard[item.token] == file.of_day(day).rows()


def one_minute(symbol: str, *days: tuple[date, int]) -> CandleFile:
    """A minute of each day at one price."""
    rows = [(minute(0, day), price, price, price, price, 10, 0) for day, price in days]
    return CandleFile(symbol, Bars(*(np.array(column, np.int64) for column in zip(*rows, strict=True))))


@pytest.mark.parametrize(
    ("last_day", "close"), [(date(2024, 5, 3), 140_000), (date(2024, 4, 30), 140_000), (date(2024, 2, 6), 150_000)]
)
def test_the_previous_close_is_the_last_of_at_most_a_few_days(last_day, close):
    market = CandleMarket([one_minute("INFY", (last_day, 140_000), (DAY, 150_000))], DAY, {}, 1)
    assert market.board.words[0, b.CLOSE] == close


def test_a_previous_close_may_be_given():
    config = read_config(["--previous-close", "INFY=1445.50"])
    market = CandleMarket([one_minute("INFY", (DAY, 150_000))], DAY, {}, 1, config.closes)
    assert market.board.words[0, b.CLOSE] == 144_550
    with pytest.raises(SystemExit):
        read_config(["--previous-close", "INFY=0"])
