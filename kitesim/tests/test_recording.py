"""Recorded frames are played back byte for byte."""

import gzip
import struct
from datetime import date

from kitesim.exchange.trading_days import midnight_of
from kitesim.replay.recording import MAGIC, is_recording, read_recording, tokens_in
from kitesim.tests.ticker_callbacks import TickerCallbacks, frames_in

INFY = 408065
OPENS = (midnight_of(date(2026, 11, 23)) + 9 * 3600 + 900) * 1000


def frame(price: int) -> bytes:
    return (1).to_bytes(2, "big") + (8).to_bytes(2, "big") + struct.pack(">II", INFY, price)


def written(path, count: int) -> list[bytes]:
    frames = [frame(150_000 + n) for n in range(count)]
    records = [struct.pack("<qqI", OPENS + n * 1000, OPENS + n * 1000, len(one)) + one for n, one in enumerate(frames)]
    path.write_bytes(gzip.compress(MAGIC + b"".join(records)))
    return frames


def test_a_recording_is_sent_as_it_was_received(start_sim, tmp_path):
    frames = written(tmp_path / "day.rec.gz", 3000)
    sim = start_sim("--replay", str(tmp_path / "day.rec.gz"), "--lockstep")
    kite = sim.log_in()
    TickerCallbacks(sim, kite.access_token, seconds=30, frames=tmp_path / "heard", full=[INFY]).rest()
    assert frames_in(tmp_path / "heard") == frames


def test_a_record_cut_short_by_a_kill_is_left_out(tmp_path):
    written(tmp_path / "whole", 3)
    raw = gzip.decompress((tmp_path / "whole").read_bytes())
    (tmp_path / "cut").write_bytes(raw[:-4])
    assert is_recording(tmp_path / "cut")
    assert len(read_recording(tmp_path / "cut")) == 2
    assert tokens_in(frame(1)) == {INFY}
