"""One's own candles: what follows from a file is deduced, what does not is asked, what is wrong is named by its row."""

import gzip
from datetime import datetime, timedelta, timezone
from pathlib import Path
from random import Random

import numpy as np
import polars as pl
import pytest
from django.conf import settings

from alphapanda.core.timezone import IST
from trading.lab.candle_columns import BadCandles
from trading.lab.candle_files import candle_files, read_candles
from trading.lab.candle_layout import propose

HEAD = "timestamp,open,high,low,close,volume"
GOOD = ("100.00", "101.50", "99.95", "101.00", "1200")


def write(folder: Path, stamps, head=HEAD, rows=None, name="INFY.csv") -> Path:
    path = folder / name
    path.write_text(
        "\n".join([head, *(",".join([stamp, *(rows or {}).get(nth, GOOD)]) for nth, stamp in enumerate(stamps))])
    )
    return path


def day(first="09:15", count=375, form="%Y-%m-%d %H:%M:%S", date="2025-03-04"):
    begin = datetime.fromisoformat(f"{date} {first}")
    return [(begin + timedelta(minutes=nth)).strftime(form) for nth in range(count)]


def asked(path: Path, **answers: str) -> list[str]:
    return [question.name for question in propose(path, answers).questions]


def read(path: Path, **answers: str):
    proposal = propose(path, answers)
    assert not proposal.questions
    return read_candles(path, proposal.layout)


def starts(file, symbol="INFY"):
    return [datetime.fromtimestamp(at, IST).strftime("%Y-%m-%d %H:%M") for at in file.bars[symbol].start[[0, -1]]]


@pytest.mark.parametrize(
    "form",
    ["%Y-%m-%d %H:%M:%S", "%Y-%m-%dT%H:%M:%S+05:30", "%Y-%m-%dT%H:%M:%S+0530", "%Y-%m-%d %H:%M"],
)
def test_usual_stamps_need_no_question(tmp_path, form):
    path = write(tmp_path, day(form=form))
    assert asked(path) == []
    assert starts(read(path)) == ["2025-03-04 09:15", "2025-03-04 15:29"]


def test_hours_of_greenwich_are_known_by_the_opening(tmp_path):
    assert starts(read(write(tmp_path, day("03:45")))) == ["2025-03-04 09:15", "2025-03-04 15:29"]


def test_seconds_since_1970_and_their_thousandths_to_billionths(tmp_path):
    begin = int(datetime(2025, 3, 4, 9, 15, tzinfo=IST).timestamp())
    for factor in (1, 1000, 10**6, 10**9):
        stamps = [str((begin + 60 * nth) * factor) for nth in range(375)]
        assert starts(read(write(tmp_path, stamps))) == ["2025-03-04 09:15", "2025-03-04 15:29"]


def test_stamps_of_a_candles_end_are_known_by_the_first_and_the_last_minute(tmp_path):
    path = write(tmp_path, day("09:16"))
    assert propose(path).layout.stamps == "end"
    assert starts(read(path)) == ["2025-03-04 09:15", "2025-03-04 15:29"]


def test_half_a_day_does_not_say_whether_a_stamp_is_start_or_end(tmp_path):
    path = write(tmp_path, day("10:00", 60))
    assert asked(path) == ["zone"]
    assert asked(path, zone="IST") == ["stamps"]
    assert starts(read(path, zone="IST", stamps="end")) == ["2025-03-04 09:59", "2025-03-04 10:58"]


def test_an_hour_possible_in_both_zones_is_asked_about(tmp_path):
    assert asked(write(tmp_path, day("09:05", 50))) == ["zone"]


def test_a_date_that_can_be_read_two_ways_is_asked_about(tmp_path):
    path = write(tmp_path, day(form="%d/%m/%Y %H:%M"))
    [question] = propose(path).questions
    assert (question.name, question.words) == ("dates", "'04/03/2025 09:15' can be read day first or month first")
    assert starts(read(path, dates="day first"))[0] == "2025-03-04 09:15"
    assert starts(read(path, dates="month first"))[0] == "2025-04-03 09:15"


def test_a_day_after_the_twelfth_tells_the_order(tmp_path):
    assert propose(write(tmp_path, day(form="%d-%m-%Y %H:%M", date="2025-03-14"))).layout.dates == "day first"
    assert propose(write(tmp_path, day(form="%m-%d-%Y %H:%M", date="2025-03-14"))).layout.dates == "month first"


def test_a_column_of_days_and_one_of_times(tmp_path):
    stamps = [stamp.replace(" ", ",") for stamp in day(form="%Y%m%d %H:%M")]
    path = write(tmp_path, stamps, head="Date,Time,Open,High,Low,Close,Volume")
    assert starts(read(path)) == ["2025-03-04 09:15", "2025-03-04 15:29"]


def test_the_mapping_is_shown_with_five_rows_as_read(tmp_path):
    rows = propose(write(tmp_path, day())).rows
    assert len(rows) == 5
    assert rows[0] == "2025-03-04 09:15:00 IST  100.00 101.50 99.95 101.00  1200"


def test_one_digest_whatever_the_kind_of_file(tmp_path):
    path = write(tmp_path, day())
    packed = tmp_path / "again.csv.gz"
    packed.write_bytes(gzip.compress(path.read_bytes()))
    columns = pl.read_csv(path, try_parse_dates=True).with_columns(
        pl.col("timestamp").dt.replace_time_zone("Asia/Kolkata"), symbol=pl.lit("INFY-EQ")
    )
    columns.write_parquet(tmp_path / "INFY.parquet")
    found = [next(iter(read(one).bars.values())).digest() for one in candle_files([tmp_path])]
    assert len(found) == 3
    assert len(set(found)) == 1


BAD = {
    "words": (("100", "n/a", "99", "100", "1"), "row 5: high is 'n/a', which is no price"),
    "nothing": (("100", "", "99", "100", "1"), "row 5: high is empty, which is no price"),
    "below zero": (("-1", "101", "99", "100", "1"), "row 5: open is '-1', which is no price"),
    "nothing when rounded": (("100", "101", "0.001", "100", "1"), "row 5: low is '0.001', which is no price"),
    "high below low": (("100", "101", "102", "100", "1"), "row 5: high and low do not hold open and close"),
    "close above high": (("100", "101", "99", "102", "1"), "row 5: high and low do not hold open and close"),
    "volume": (("100", "101", "99", "100", "-3"), "row 5: volume is '-3', which is no number of units"),
    "volume beyond all": (
        ("100", "101", "99", "100", "1e300"),
        "row 5: volume is '1e300', which is no number of units",
    ),
    "volume of nothing": (("100", "101", "99", "100", "NaN"), "row 5: volume is 'NaN', which is no number of units"),
    "half a unit": (("100", "101", "99", "100", "1.5"), "row 5: volume is '1.5', which is no number of units"),
    "too much": (("100", "90000000", "99", "100", "1"), "row 5: high is '90000000', more than this can hold"),
}


@pytest.mark.parametrize("kind", BAD)
def test_what_is_no_candle_is_said_with_its_row(tmp_path, kind):
    row, words = BAD[kind]
    path = write(tmp_path, day(), rows={3: row})
    with pytest.raises(BadCandles, match=f"^INFY.csv, {words}".replace("(", r"\(")):
        read(path)


def test_a_minute_twice_with_other_prices_is_refused_and_with_the_same_taken_once(tmp_path):
    twice = [*day()[:10], *day()[9:]]
    path = write(tmp_path, twice)
    file = read(path)
    assert (len(file.bars["INFY"]), file.warnings) == (
        375, ["INFY.csv: 1 minute stands twice, with equal values; taken once"],
    )  # fmt: skip
    with pytest.raises(BadCandles, match="row 11 and row 12: the same minute twice, with another close"):
        read(write(tmp_path, twice, rows={10: ("100.00", "101.50", "99.95", "100.00", "1200")}))


def test_rows_out_of_order_are_put_in_order_and_said(tmp_path):
    file = read(write(tmp_path, [*day()[200:], *day()[:200]]))
    assert (np.diff(file.bars["INFY"].start) == 60).all()
    assert file.warnings == ["INFY.csv: its rows are not in the order of time; put in order"]


def test_fractions_of_a_paisa_are_rounded_and_said(tmp_path):
    file = read(write(tmp_path, day(), rows={0: ("100.004", "101.5", "99.95", "101", "1")}))
    assert file.bars["INFY"].open[0] == 10_000
    assert file.warnings == ["INFY.csv: 1 price in fractions of a paisa (adjusted?); rounded to the nearest"]


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("timestamp,open,high,low,volume\n2025-03-04 09:15,1,1,1,1\n", "has no column for close"),
        (HEAD, "holds no candle"),
        ("", "cannot be read"),
        (f"{HEAD}\nyesterday,1,1,1,1,1\n", "row 2: 'yesterday' is no date and time"),
        (f"{HEAD}\n2025-03-04 09:15:30,1,1,1,1,1\n", "row 2: it does not begin with a minute"),
    ],
)
def test_a_file_that_is_none_is_said(tmp_path, text, words):
    path = tmp_path / "INFY.csv"
    path.write_text(text)
    with pytest.raises(BadCandles, match=words):
        read(path, zone="IST", stamps="start")


MOMENTS = [datetime.fromisoformat(stamp) for stamp in day()]
COLUMNS = {"timestamp": MOMENTS} | {name: [100.0] * 375 for name in HEAD.split(",")[1:]}


def packed(folder: Path, **columns) -> Path:
    pl.DataFrame(COLUMNS | columns).write_parquet(folder / "INFY.parquet")
    return folder / "INFY.parquet"


@pytest.mark.parametrize(
    ("name", "values", "words"),
    [
        ("open", [[1.0]] * 375, r"open holds values of kind List\(Float64\), no numbers"),
        ("volume", [True] * 375, "volume holds values of kind Boolean, no numbers"),
        ("volume", [5, None, *[5] * 373], "row 2: volume is empty"),
        ("timestamp", [one.time() for one in MOMENTS], "timestamp holds values of kind Time, no date and time"),
        ("timestamp", [None, *MOMENTS[1:]], "row 1: timestamp is empty"),
        ("symbol", ["INFY", "", *["INFY"] * 373], "row 2: symbol is empty"),
        ("symbol", ["INFY", None, *["INFY"] * 373], "row 2: symbol is empty"),
        ("Volume", [6] * 375, "has two columns named volume: leave one"),
    ],
)
def test_a_column_of_another_kind_is_said(tmp_path, name, values, words):
    with pytest.raises(BadCandles, match=words):
        read(packed(tmp_path, **{name: values}))


def test_a_column_that_stands_twice_is_said(tmp_path):
    path = write(tmp_path, day(), head=f"{HEAD},volume", rows=dict.fromkeys(range(375), (*GOOD, "7")))
    with pytest.raises(BadCandles, match="has two columns named volume: leave one"):
        read(path)


@pytest.mark.parametrize(
    "columns",
    [
        {"timestamp": [(one.replace(tzinfo=IST)).timestamp() for one in MOMENTS]},
        {"date": [one.date() for one in MOMENTS], "time": [one.time() for one in MOMENTS]},
        {"date": [datetime.combine(one, datetime.min.time()) for one in MOMENTS], "time": day(form="%H:%M")},
    ],
)
def test_stamps_as_libraries_write_them(tmp_path, columns):
    path = tmp_path / "INFY.parquet"
    prices = {name: values for name, values in COLUMNS.items() if name != "timestamp"}
    pl.DataFrame(prices | columns).write_parquet(path)
    assert starts(read(path)) == ["2025-03-04 09:15", "2025-03-04 15:29"]


@pytest.mark.parametrize(
    ("name", "symbol"),
    [("INFY[1].csv", "INFY[1]"), ("ITC24FEB412.5CE.csv", "ITC24FEB412.5CE"), ("INFY-EQ.csv", "INFY")],
)
def test_a_file_is_of_the_symbol_it_is_named_after(tmp_path, name, symbol):
    assert list(read(write(tmp_path, day(), name=name)).bars) == [symbol]


NAMED = dict.fromkeys(range(375), (*GOOD, "NIFTY"))


def test_a_column_of_one_symbol_gives_way_to_the_answer(tmp_path):
    path = write(tmp_path, day(), head=f"{HEAD},Instrument", rows=NAMED)
    assert list(read(path).bars) == ["NIFTY"]
    assert list(read(path, symbol="NIFTY 50").bars) == ["NIFTY 50"]
    assert "; all of NIFTY 50; stamps" in propose(path, {"symbol": "NIFTY 50"}).layout.words()


def test_a_column_of_two_symbols_does_not_give_way(tmp_path):
    path = write(tmp_path, day(), head=f"{HEAD},Instrument", rows=NAMED | {7: (*GOOD, "SENSEX")})
    with pytest.raises(BadCandles, match="Instrument names 2 symbols, so symbol=NIFTY cannot be said of it"):
        read(path, symbol="NIFTY")


@pytest.mark.parametrize("minutes", [2, 5, 60])
def test_longer_candles_are_refused_with_their_step(tmp_path, minutes):
    path = write(tmp_path, [*day()[::minutes], *day(date="2025-03-05")[::minutes]])
    with pytest.raises(BadCandles, match=f"INFY has one in {minutes} minutes; a backtest needs candles of one minute"):
        read(path, zone="IST", stamps="start")


def test_one_candle_a_day_is_refused(tmp_path):
    path = write(tmp_path, [f"2025-03-{nth:02} 15:29" for nth in range(3, 15)])
    with pytest.raises(BadCandles, match="INFY has one a day"):
        read(path, zone="IST", stamps="start")


@pytest.mark.parametrize("minutes", [5, 15])
def test_longer_candles_are_seen_where_a_day_ends_with_an_odd_minute(tmp_path, minutes):
    path = write(tmp_path, [*day()[::minutes], "2025-03-04 15:29:00"])
    with pytest.raises(BadCandles, match=f"INFY has one in {minutes} minutes; a backtest"):
        read(path)


def test_longer_candles_of_some_days_are_refused_with_the_first(tmp_path):
    dates = [f"2025-03-{nth:02}" for nth in (3, 4, 5, 6, 7)]
    stamps = [stamp for date in dates for stamp in day(date=date)[:: 5 if date in dates[1:3] else 1]]
    with pytest.raises(BadCandles, match="INFY has one in 5 minutes on 2 days, first 2025-03-04; a backtest"):
        read(write(tmp_path, stamps))


@pytest.mark.parametrize("count", [20, 60, 180])
def test_what_trades_seldom_is_still_of_one_minute(tmp_path, count):
    chance = Random(count)
    stamps = [
        day(date=f"2025-03-{nth:02}")[at] for nth in range(3, 28) for at in sorted(chance.sample(range(375), count))
    ]
    assert len(read(write(tmp_path, stamps), zone="IST", stamps="start").bars["INFY"]) == 25 * count


def test_a_price_far_from_the_one_before_is_said_with_its_row(tmp_path):
    row = ("100.00", "1015.00", "99.95", "101.00", "1200")
    assert read(write(tmp_path, day(), rows={7: row})).warnings == [
        "1 candle more than 20% away from the close before (a mistake, a split?), "
        "first INFY.csv, row 9: 99.95 to 1015.00 after a close of 101.00"
    ]


@pytest.mark.parametrize(
    ("answers", "words"),
    [
        ({"stamps": "banana"}, "stamps is start or end, not 'banana'"),
        ({"zone": "Mars"}, "zone is IST or UTC, not 'Mars'"),
        ({"dates": "first"}, "dates is day first or month first, not 'first'"),
        ({"colour": "red"}, "nothing asks for 'colour'; there is zone, stamps, dates, symbol"),
    ],
)
def test_an_answer_that_is_none_is_refused_with_those_there_are(tmp_path, answers, words):
    with pytest.raises(BadCandles, match=words):
        propose(write(tmp_path, day()), answers)


def test_what_is_not_known_yet_is_left_out_of_how_a_file_is_read(tmp_path):
    proposal = propose(write(tmp_path, day("10:00", 60)))
    assert proposal.layout.words().endswith("; stamps as they are, dates iso")


def test_a_folder_without_candles_is_said(tmp_path):
    with pytest.raises(BadCandles, match=r"no \.csv"):
        candle_files([tmp_path])
    with pytest.raises(BadCandles, match="there is no"):
        candle_files([tmp_path / "nowhere"])


def test_a_stamp_with_another_zone_is_taken_by_its_word(tmp_path):
    tokyo = timezone(timedelta(hours=9))
    begin = datetime(2025, 3, 4, 12, 45, tzinfo=tokyo)
    stamps = [(begin + timedelta(minutes=nth)).isoformat() for nth in range(375)]
    assert starts(read(write(tmp_path, stamps)))[0] == "2025-03-04 09:15"


@pytest.mark.skipif(settings.SHARED_DATA is None, reason="the real candles are not here (ALPHAPANDA_SHARED_DATA)")
def test_the_real_files_need_no_question():
    for path in candle_files([settings.SHARED_DATA / "candles_1m"]):
        proposal = propose(path)
        assert (proposal.questions, proposal.layout.stamps) == ((), "start")
        [bars] = read_candles(path, proposal.layout).bars.values()
        assert len(bars) > 50_000
