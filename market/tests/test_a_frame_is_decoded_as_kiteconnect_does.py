"""Our decoder and Zerodha's own agree on every column of every packet."""

import json
import random
from datetime import datetime

import numpy as np
import pytest
from django.conf import settings
from hypothesis import given
from hypothesis import settings as hypothesis_settings
from hypothesis import strategies as st

from market.domain.ticks import FULL, INDEX_FULL, TickBatch, decode_frame, divisor_for, to_price
from market.tests.frames import INFY, NIFTY, encode_frame, frame, full_rows, random_frame, random_packet

MODES = {"ltp": (1,), "quote": (2, 4), "full": (3, 5)}
NAMES = {
    "last_price": "last_price", "last_traded_quantity": "last_quantity",
    "average_traded_price": "average_price",
    "volume_traded": "volume", "total_buy_quantity": "buy_quantity", "total_sell_quantity": "sell_quantity",
    "oi": "oi", "oi_day_high": "oi_day_high", "oi_day_low": "oi_day_low",
}  # fmt: skip
PRICES = {"last_price", "average_traded_price", "open", "high", "low", "close", "price"}


@pytest.fixture(scope="module")
def kite():
    from kiteconnect import KiteTicker

    return KiteTicker("key", "token", root="ws://127.0.0.1:1")


def same(theirs, name, wire, token):
    return theirs == (int(wire) / divisor_for(token) if name in PRICES else int(wire))


def assert_equal_row(tick, row):
    token = int(row["token"])
    assert tick["instrument_token"] == token
    assert int(row["mode"]) in MODES[tick["mode"]]
    for theirs, ours in NAMES.items():
        assert theirs not in tick or same(tick[theirs], theirs, row[ours], token), theirs
    for name, value in tick.get("ohlc", {}).items():
        assert same(value, name, row[name], token), name
    for theirs, ours in (
        ("last_trade_time", "last_trade_time"),
        ("exchange_timestamp", "exchange_timestamp"),
    ):
        assert theirs not in tick or tick[theirs] == datetime.fromtimestamp(int(row[ours]))  # noqa: DTZ006
    for side, prefix in (("buy", "bid"), ("sell", "ask")):
        for level, theirs in enumerate(tick.get("depth", {}).get(side, [])):
            for name, ours in (("quantity", "quantity"), ("price", "price"), ("orders", "orders")):
                assert same(theirs[name], name, row[f"{prefix}_{ours}"][level], token), (side, level, name)


def assert_same_as_kite(kite, raw):
    batch = decode_frame(raw, 0)
    theirs = kite._parse_binary(raw)
    assert len(batch) == len(theirs)
    for tick, row in zip(theirs, batch.rows, strict=True):
        assert_equal_row(tick, row)
    return batch


@given(seed=st.integers(0, 2**32), count=st.integers(0, 40))
@hypothesis_settings(max_examples=120, deadline=None)
def test_random_frames_of_mixed_lengths_decode_the_same(kite, seed, count):
    assert assert_same_as_kite(kite, random_frame(random.Random(seed), count)).faults == {}


@given(seed=st.integers(0, 2**32), count=st.integers(1, 12), length=st.sampled_from([8, 28, 32, 44, 184]))
@hypothesis_settings(max_examples=60, deadline=None)
def test_random_frames_of_one_length_decode_the_same(kite, seed, count, length):
    assert assert_same_as_kite(kite, random_frame(random.Random(seed), count, (length,))).faults == {}


@given(seed=st.integers(0, 2**32), count=st.integers(1, 12))
@hypothesis_settings(max_examples=60, deadline=None)
def test_packets_of_unknown_length_are_skipped_and_counted(kite, seed, count):
    raw = random_frame(random.Random(seed), count, (8, 20, 184, 300, 32))
    skipped = count - len(kite._parse_binary(raw))
    assert assert_same_as_kite(kite, raw).faults.get("unknown_length", 0) == skipped


@given(seed=st.integers(0, 2**32), count=st.integers(1, 12), cut=st.integers(1, 300))
@hypothesis_settings(max_examples=100, deadline=None)
def test_a_cut_frame_gives_the_whole_packets_before_the_cut(seed, count, cut):
    raw = random_frame(random.Random(seed), count)
    whole, short = decode_frame(raw, 0), decode_frame(raw[:-cut], 0)
    assert np.array_equal(short.rows, whole.rows[: len(short)])
    assert short.faults == {"truncated": 1} or len(raw) - cut < 2
    assert len(short) < len(whole) or len(whole) == 0


@given(raw=st.binary(max_size=600))
@hypothesis_settings(max_examples=200, deadline=None)
def test_noise_never_raises(raw):
    assert isinstance(decode_frame(raw, 0), TickBatch)


@pytest.mark.parametrize("count", [1, 5])
def test_bytes_after_the_last_packet_are_counted(count):
    batch = decode_frame(random_frame(random.Random(1), count, (44,)) + b"\0\0\0", 0)
    assert (len(batch), batch.faults) == (count, {"trailing_bytes": 1})


def test_a_heartbeat_is_an_empty_frame_without_fault():
    assert (len(decode_frame(b"\0", 5)), decode_frame(b"\0", 5).faults) == (0, {})


@given(seed=st.integers(0, 2**32), count=st.integers(0, 10))
@hypothesis_settings(max_examples=40, deadline=None)
def test_encoding_what_was_decoded_gives_the_same_rows(seed, count):
    rows = decode_frame(random_frame(random.Random(seed), count), 0).rows
    again = decode_frame(encode_frame(rows), 0).rows
    assert again.tobytes() == rows.tobytes()


def test_few_and_many_packets_take_different_paths_to_the_same_rows():
    packets = [random_packet(random.Random(nth), (184, 8, 44, 28, 32)[nth % 5]) for nth in range(30)]
    many = decode_frame(frame(packets), 0).rows
    single = [decode_frame(frame([packet]), 0).rows for packet in packets]
    assert np.concatenate(single).tobytes() == many.tobytes()


@pytest.mark.parametrize("length", [184, 8, 44, 28, 32])
def test_equal_packets_take_yet_another_path_to_the_same_rows(length):
    packets = [random_packet(random.Random(nth), length) for nth in range(20)]
    single = [decode_frame(frame([packet]), 0).rows for packet in packets]
    assert np.concatenate(single).tobytes() == decode_frame(frame(packets), 0).rows.tobytes()


def test_a_price_below_zero_on_the_wire_stays_recognisable():
    raw = frame([random_packet(random.Random(1), 8, INFY)[:4] + (-3763).to_bytes(4, "big", signed=True)])
    assert str(to_price(decode_frame(raw, 0).rows["last_price"][0], INFY)) == "42949635.33"


def test_prices_have_the_divisor_of_their_segment():
    assert [divisor_for(segment) for segment in (1, 2, 3, 4, 5, 6, 7, 9, 12)] == [
        100, 100, 10_000_000, 100, 100, 10_000, 100, 100, 10_000,
    ]  # fmt: skip


def wire(price, token):
    return round(price * divisor_for(token))


def row_of_sample(tick):
    token = tick["instrument_token"]
    row = full_rows({"token": token, "mode": INDEX_FULL if token & 0xFF == 9 else FULL, "bid_price": 0})[0]
    row["last_price"] = wire(tick["last_price"], token)
    for name, value in tick["ohlc"].items():
        row[name] = wire(value, token)
    row["volume"] = tick.get("volume", tick.get("volume_traded", 0))
    for side, prefix in (("buy", "bid"), ("sell", "ask")):
        for level, entry in enumerate(tick.get("depth", {}).get(side, [])):
            row[f"{prefix}_price"][level] = wire(entry["price"], token)
            row[f"{prefix}_quantity"][level], row[f"{prefix}_orders"][level] = (
                entry["quantity"],
                entry["orders"],
            )
    return row


def test_ticks_printed_in_public_sources_survive_the_wire(kite):
    path = settings.SHARED_DATA and settings.SHARED_DATA / "ticks/kite_full_mode_samples.json"
    if not path or not path.exists():
        pytest.skip("the shared data folder is not here")
    for sample in json.loads(path.read_text())["samples"]:
        tick = sample["tick"]
        row = row_of_sample(tick)
        [theirs] = kite._parse_binary(encode_frame(np.array([row])))
        assert (theirs["last_price"], theirs["ohlc"]) == (tick["last_price"], tick["ohlc"])
        assert theirs.get("depth", {"buy": [], "sell": []}) == tick.get("depth", {"buy": [], "sell": []}) or (
            NIFTY & 0xFF == 9
        )
        assert_same_as_kite(kite, encode_frame(np.array([row])))
