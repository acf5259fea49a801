"""Three rules on seeded walks: the same trades as plain Python, and as other people's engines made of them."""

import csv
import json
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from hashlib import sha256
from pathlib import Path

import numpy as np
import pytest

from benchmarks.rivals.client import HOW, is_installed
from benchmarks.rivals.record import RECORD, SEEDS, made_anew, walk_of
from trading.lab.bar_path import FillTerms
from trading.lab.candles import Bars
from trading.lab.round_trips import round_trips
from trading.tests.lab.plain_trades import trades_of
from trading.tests.lab.plays import play
from trading.tests.lab.three_rules import RULES

RECORDED = json.loads(RECORD.read_text())
AT_THE_PRICE = FillTerms(Decimal(0), volume_share=None)
IST = timedelta(hours=5, minutes=30)
NAMES = [rule.name for rule in RULES]


@pytest.fixture(scope="module", params=SEEDS)
def walk(request, tmp_path_factory):
    return request.param, walk_of(request.param, tmp_path_factory.mktemp("walks"))


def rows_of(path: Path) -> list[tuple[str, int, int, int, int, int]]:
    with path.open() as file:
        rows = list(csv.reader(file))[1:]
    return [(row[0][:16], *(int(Decimal(price) * 100) for price in row[1:5]), int(row[5])) for row in rows]


def bars_of(path: Path) -> Bars:
    clocks, *prices, volume = zip(*rows_of(path), strict=True)
    starts = [int((datetime.fromisoformat(clock).replace(tzinfo=UTC) - IST).timestamp()) for clock in clocks]
    return Bars(np.array(starts), *(np.array(column, np.int32) for column in prices), np.array(volume))


def ours(name: str, path: Path) -> list[str]:
    [(rule, product)] = [one for one in RULES.items() if one[0].name == name]
    played = play(bars_of(path), rule, AT_THE_PRICE, product=product, flat_by=None)
    assert not played.engine.faults
    trips = round_trips(played.engine.account.fills)
    return [
        f"{trip.quantity} in {said(trip.entered_at, trip.entry_price)}, "
        + (f"out {said(trip.exited_at, trip.exit_price)}" if trip.exited_at else "still held")
        for trip in trips
    ]


def said(at: datetime, price: Decimal) -> str:
    """The minute it filled in, and paise: at the exchange it is there some moments after the open."""
    return f"{at + IST:%Y-%m-%d %H:%M} at {int(price * 100)}"


@pytest.mark.parametrize("name", NAMES)
def test_ours_are_the_trades_of_plain_python(walk, name):
    _, path = walk
    plain = trades_of(name, [row[:5] for row in rows_of(path)])
    assert len(plain) > 15
    assert ours(name, path) == plain


@pytest.mark.parametrize("engine", RECORDED["made_by"])
@pytest.mark.parametrize("name", NAMES)
def test_ours_are_the_trades_other_engines_made(walk, name, engine):
    seed, path = walk
    assert RECORDED["walks"][str(seed)] == sha256(path.read_bytes()).hexdigest()
    assert ours(name, path) == RECORDED["trades"][engine][name][str(seed)]


def test_both_sides_and_nights_and_a_trade_still_held_and_an_exit_of_the_last_close_are_among_them():
    trades = [one for each in RECORDED["trades"]["backtrader"].values() for made in each.values() for one in made]
    assert {trade.partition(" ")[0] for trade in trades} == {"10", "-10"}
    assert any("still held" in trade for trade in trades)
    held_over = [trade for trade in trades if "out" in trade and trade.split()[2] != trade.split()[7]]
    assert any("09:15 at" in trade for trade in held_over)


@pytest.mark.skipif(not is_installed(), reason=HOW)
def test_other_engines_still_make_the_trades_that_were_recorded():
    assert made_anew() == RECORDED
