"""Whole minutes are compared with what went in; others are counted, and a recording holds nothing to compare."""

from datetime import date, datetime
from decimal import Decimal
from pathlib import Path

import pytest

from alphapanda.core.timezone import IST
from alphapanda.runner.replay import Comparison, ReplayPlan, compare_candles
from instruments.models import Instrument
from market.models import Candle

DAY = date(2024, 7, 10)
FILE = "symbol,timestamp,open,high,low,close,volume\n" + "".join(
    f"INFY,2024-07-10 09:{minute}:00,1500,1501,1499,1500,10\n" for minute in (15, 16, 17)
)


@pytest.fixture
def infy(db: None) -> Instrument:
    return Instrument.objects.create(
        exchange="NSE", tradingsymbol="INFY", instrument_type="EQ", segment="NSE", tick_size=Decimal("0.1"),
        lot_size=1, instrument_token=408065, exchange_token=1594, first_seen=DAY,
    )  # fmt: skip


def build(infy: Instrument, minute: int, low: int = 1499, complete: bool = True) -> None:
    Candle.objects.create(
        instrument=infy, interval=1, start=datetime(2024, 7, 10, 9, minute, tzinfo=IST),
        open=1500, high=1501, low=low, close=1500, volume=10, complete=complete,
    )  # fmt: skip


def compared(tmp_path: Path, name: str = "candles.csv") -> Comparison:
    (tmp_path / name).write_text(FILE)
    return compare_candles(ReplayPlan(DAY, [tmp_path / name], []))


def test_a_minute_joined_late_is_counted_and_not_compared(infy: Instrument, tmp_path: Path) -> None:
    build(infy, 15, low=1500, complete=False)
    build(infy, 16)
    build(infy, 17)
    assert compared(tmp_path) == Comparison(candles=3, incomplete=1, differences=[])


def test_a_whole_minute_that_differs_or_is_missing_is_a_difference(infy: Instrument, tmp_path: Path) -> None:
    build(infy, 15)
    build(infy, 16, low=1498)
    found = compared(tmp_path)
    assert (found.incomplete, [line[:10] for line in found.differences]) == (0, ["INFY 09:16", "INFY 09:17"])


def test_a_recording_holds_no_candles_to_differ_from(infy: Instrument, tmp_path: Path) -> None:
    build(infy, 15)
    assert compared(tmp_path, "2024-07-10.aprec") == Comparison(candles=0, incomplete=0, differences=[])
