"""`manage.py backtest`: from one's own candles to figures, and every wrong input in words."""

import json
from datetime import datetime, timedelta
from decimal import Decimal
from io import StringIO

import pytest
from django.conf import settings
from django.core.management import call_command
from django.core.management.base import CommandError

from alphapanda.core.clock.services import get_installation
from alphapanda.core.commands import run_quietly
from tests.stories.pipeline import make_instrument

MARCH = datetime(2025, 3, 3, 9, 15)  # noqa: DTZ001  # a Monday, as files have it: without a zone


@pytest.fixture
def infy(transactional_db, settings):
    settings.STRATEGY_PACKAGES = ["tests.strategies"]
    get_installation()
    run_quietly("load_calendar", "--year", "2025")
    return make_instrument()


def write_days(folder, prices, days=1, name="INFY.csv"):
    """Minutes from 9:15 on, at these prices, a day each; the rest of each day at the last of them."""
    lines = ["timestamp,open,high,low,close,volume"]
    for day in range(days):
        for nth in range(375):
            price = prices[min(nth, len(prices) - 1)]
            stamp = MARCH + timedelta(days=day, minutes=nth)
            lines.append(f"{stamp:%Y-%m-%d %H:%M:%S},{price},{price},{price},{price},100000")
    (folder / name).write_text("\n".join(lines))
    return folder / name


DIP = ["1505", "1505", "1499", "1500", "1505", "1511", "1511"]


def backtest(*arguments, **options):
    out = StringIO()
    call_command("backtest", *map(str, arguments), stdout=out, **options)
    return out.getvalue()


FROM_THE_OPEN = ("--entry-from", "09:15")
TEN = ("--sizing", "lots", "--size", "10")


def of(path, *more):
    return ("test-one-lot", "--instruments", "NSE:INFY", "--candles", path, *TEN, *FROM_THE_OPEN, *more)


def test_a_round_trip_and_its_figures(infy, tmp_path):
    result = json.loads(backtest(*of(write_days(tmp_path, DIP)), "--json"))
    [trip] = result["round_trips"]
    assert (trip["side"], trip["quantity"], trip["entry_price"], trip["exit_price"]) == (
        "BUY",
        10,
        "1500.1000",
        "1510.9000",
    )
    assert (trip["entry_reason"], trip["exit_reason"]) == ("1499 is at or under 1500", "1511 is at or over 1510")
    assert Decimal(result["gross"]) == Decimal("108.00")
    assert Decimal(result["gross"]) - sum(map(Decimal, result["charges"].values())) == Decimal(result["net"])
    assert set(result["charges"]) == {
        "brokerage", "transaction_tax", "exchange_turnover_charge", "sebi_turnover_charge", "stamp_duty", "gst",
    }  # fmt: skip
    assert result["by_month"] == {"2025-03": {"3": result["net"]}}
    assert result["fills"] == "10 % of a candle's volume, 1 tick off the price"


def test_it_is_said_in_words(infy, tmp_path):
    words = backtest(*of(write_days(tmp_path, DIP)))
    assert "test-one-lot on NSE:INFY, 2025-03-03 to 2025-03-03" in words
    assert "1 trade, 1 of them won; 0 open at the end; held 0.80 % of the time." in words


def test_the_same_request_gives_the_same_result_to_the_byte(infy, tmp_path):
    path = write_days(tmp_path, DIP, days=3)
    assert backtest(*of(path), "--json") == backtest(*of(path), "--json")


def test_parameters_days_and_capital_are_taken(infy, tmp_path):
    path = write_days(tmp_path, DIP, days=3)
    result = json.loads(
        backtest(*of(path, "--set", "buy_at=1400", "--from", "2025-03-04", "--account-capital", "5000", "--json"))
    )
    assert (result["request"]["first"], result["request"]["last"], result["trades"]) == ("2025-03-04", "2025-03-05", 0)
    assert (result["request"]["parameters"]["buy_at"], result["request"]["capital"]) == ("1400", "5000")


def test_what_the_gate_refuses_is_counted(infy, tmp_path):
    result = json.loads(backtest(*of(write_days(tmp_path, DIP)), "--account-capital", "100", "--json"))
    assert (result["trades"], result["refusals"]) == (0, {"BUYING_POWER": 2})
    assert result["notes"] == ["the gate refused: Buying power (BUYING_POWER) 2 times"]


def test_files_are_written_whole(infy, tmp_path):
    backtest(*of(write_days(tmp_path, DIP)), "--csv", tmp_path / "out")
    assert sorted(path.name for path in (tmp_path / "out").iterdir()) == ["equity.csv", "months.csv", "trades.csv"]
    assert len((tmp_path / "out" / "trades.csv").read_text().splitlines()) == 2


def test_a_folder_that_cannot_be_written_is_said(infy, tmp_path):
    (tmp_path / "out").write_text("a file")
    with pytest.raises(CommandError, match="nothing half-written counts"):
        backtest(*of(write_days(tmp_path, DIP)), "--csv", tmp_path / "out")


def test_a_fault_of_the_strategy_is_said_first_and_is_no_success(infy, tmp_path):
    out = StringIO()
    path = write_days(tmp_path, DIP, days=3)
    with pytest.raises(CommandError, match=r"^Stopped by a fault on Mon 3 Mar 2025 09:16:00, day 1 of 3: ") as refused:
        call_command("backtest", "test-raises", "--instruments", "NSE:INFY", "--candles", path, stdout=out)
    assert refused.value.returncode == 1
    assert out.getvalue().startswith(str(refused.value))
    assert "test-raises, on a tick: ZeroDivisionError" in str(refused.value)


def test_a_faulted_result_in_json_says_when_in_india_and_of_how_many_days(infy, tmp_path):
    out = StringIO()
    path = write_days(tmp_path, DIP, days=3)
    with pytest.raises(CommandError):
        call_command("backtest", "test-raises", "--instruments", "NSE:INFY", "--candles", path, "--json", stdout=out)
    result = json.loads(out.getvalue())
    assert result["stopped"]["at"] == "2025-03-03T09:16:00+05:30"
    assert (result["stopped"]["nth_day"], result["stopped"]["days"], len(result["equity"])) == (1, 3, 1)
    assert "ZeroDivisionError: one by nothing" in result["stopped"]["words"]


def test_what_is_held_at_a_fault_is_still_left(infy, tmp_path):
    """Ten are bought at 9:17; it raises at the sixth candle, and flat-by closes them at 15:05."""
    out = StringIO()
    given = ("test-buys-then-raises", "--instruments", "NSE:INFY", "--candles", write_days(tmp_path, ["1500"], days=2))
    with pytest.raises(CommandError):
        call_command("backtest", *given, *TEN, *FROM_THE_OPEN, "--json", stdout=out)
    result = json.loads(out.getvalue())
    [trip] = result["round_trips"]
    assert (trip["exited_at"][:16], len(result["equity"])) == ("2025-03-03T15:05", 1)


def test_no_trade_says_why(infy, tmp_path):
    path = write_days(tmp_path, DIP)
    result = json.loads(backtest(*of(path, "--sizing", "capital", "--size", "1000"), "--json"))
    assert (result["trades"], result["not_asked"]["too_small"]["times"]) == (0, 2)
    words = "2 entries wanted and not asked; the first: one lot is 1 × 1,499.00 = ₹1,499.00"
    assert result["notes"] == [f"{words}, capital ₹1,000.00: too little for one lot"]
    nowhere = json.loads(backtest(*of(path, "--set", "buy_at=1"), "--json"))
    assert nowhere["notes"] == ["no trade: the strategy wanted to enter nowhere"]


def test_the_terms_it_was_played_on_are_said(infy, tmp_path):
    words = backtest("test-one-lot", "--instruments", "NSE:INFY", "--candles", write_days(tmp_path, DIP))
    assert (
        "Capital ₹10,00,000, ₹1,00,000 a position, MIS at market; entries 09:20 to 14:45, flat by 15:05; "
        "fills from 10 % of a candle's volume, 1 tick off the price; limits of nobody." in words
    )
    assert "Parameters: buy_at 1500, sell_at 1510, stop_percent 1." in words
    cnc = backtest(*of(write_days(tmp_path, DIP), "--product", "CNC"))
    assert "10 lots a position, CNC at market; entries 09:15 to 14:45, nothing flat by a time of day" in cnc


def test_a_week_without_candles_is_said(infy, tmp_path):
    path = write_days(tmp_path, DIP, days=1)
    later = path.read_text().split("\n")[1:]
    with path.open("a") as file:
        file.write("\n" + "\n".join(line.replace("2025-03-03", "2025-03-17") for line in later))
    result = json.loads(backtest(*of(path), "--json"))
    assert result["warnings"] == ["NSE:INFY: no candle from 2025-03-04 to 2025-03-13, 8 trading days"]


def test_only_the_days_played_are_looked_at_for_what_lacks(infy, tmp_path):
    path = without(write_days(tmp_path, DIP, days=3), "11:00", "11:20")
    words = "NSE:INFY: 20 of 375 minutes have no candle, on 1 day; the longest hole 11:00 to 11:20 on 2025-03-04"
    assert json.loads(backtest(*of(path, "--from", "2025-03-04", "--to", "2025-03-04"), "--json"))["warnings"] == [
        words
    ]


def test_what_begins_later_than_the_others_is_said(infy, tmp_path):
    make_instrument(token=738561, symbol="TCS")
    write_days(tmp_path, DIP, days=5)
    later = write_days(tmp_path, DIP, days=5, name="TCS.csv")
    later.write_text(
        "\n".join(line for line in later.read_text().split("\n") if not "2025-03-03" <= line[:10] < "2025-03-06")
    )
    asked = ("test-one-lot", "--instruments", "NSE:INFY", "NSE:TCS", "--candles", tmp_path, *TEN, *FROM_THE_OPEN)
    assert json.loads(backtest(*asked, "--json"))["warnings"] == ["NSE:TCS: no candle on 3 single trading days"]


def test_candles_without_volume_are_said_unless_any_quantity_fills(infy, tmp_path):
    path = write_days(tmp_path, DIP)
    path.write_text("\n".join(line.rpartition(",")[0] for line in path.read_text().split("\n")))
    share, any_quantity = (json.loads(backtest(*of(path, *more), "--json")) for more in ((), ("--volume-share", "any")))
    words = "NSE:INFY: its candles have no volume, so no order fills: say volume-share any"
    assert (share["trades"], share["warnings"]) == (0, [words])
    assert (any_quantity["trades"], any_quantity["warnings"]) == (1, [])


def as_file(path, name):
    return path.rename(path.with_name(name))


def test_a_file_of_another_name_is_said_and_answered(infy, tmp_path):
    path = as_file(write_days(tmp_path, DIP), "infosys_2025.csv")
    words = r"no candles of NSE:INFY in the files: infosys_2025.csv is of infosys_2025. A file is of the symbol"
    with pytest.raises(CommandError, match=words):
        backtest(*of(path))
    for answer in ("symbol=INFY", "symbol=NSE:INFY"):
        assert json.loads(backtest(*of(path, "--answer", answer), "--json"))["trades"] == 1


def test_an_answer_may_be_of_one_file_of_several(infy, tmp_path):
    make_instrument(token=738561, symbol="TCS")
    write_days(tmp_path, DIP, name="one.csv")
    hours_alone = write_days(tmp_path, DIP, name="two.csv")
    hours_alone.write_text("\n".join(hours_alone.read_text().split("\n")[:30]))
    asked = ("test-one-lot", "--instruments", "NSE:INFY", "NSE:TCS", "--candles", tmp_path, *TEN, *FROM_THE_OPEN)
    with pytest.raises(CommandError, match=r"symbol=INFY cannot be of 2 files; say of which: symbol:one\.csv=INFY"):
        backtest(*asked, "--answer", "symbol=INFY")
    symbols = ("symbol:one.csv=INFY", "symbol:two.csv=TCS")
    with pytest.raises(CommandError, match=r"zone:three\.csv answers for a file that is not among one\.csv, two\.csv"):
        backtest(*asked, "--answer", *symbols, "zone:three.csv=IST")
    with pytest.raises(CommandError, match="zone is IST or UTC, not 'Mars'"):
        backtest(*asked, "--answer", *symbols, "zone:two.csv=Mars")
    answered = backtest(*asked, "--answer", *symbols, "zone:two.csv=IST", "stamps:two.csv=end", "--json")
    assert {trip["instrument"] for trip in json.loads(answered)["round_trips"]} == {"NSE:INFY", "NSE:TCS"}


def test_one_symbol_on_two_exchanges_is_told_apart_by_its_key(infy, tmp_path):
    make_instrument(token=500209 << 8 | 4, exchange="BSE", segment="BSE")
    both = ("test-one-lot", "--instruments", "NSE:INFY", "BSE:INFY", *TEN, *FROM_THE_OPEN, "--candles")
    lines = write_days(tmp_path, DIP).read_text().split("\n")
    with pytest.raises(CommandError, match=r"no candles of BSE:INFY, NSE:INFY in the files: INFY\.csv is of INFY"):
        backtest(*both, tmp_path / "INFY.csv")
    with pytest.raises(CommandError, match=r"no candles of NSE:INFY in the files: INFY\.csv is of BSE:INFY"):
        backtest(*of(tmp_path / "INFY.csv", "--answer", "symbol=BSE:INFY"))
    rows = [f"{line},{key}" for key in ("NSE:INFY", "BSE:INFY") for line in lines[1:]]
    (tmp_path / "both.csv").write_text("\n".join([f"{lines[0]},symbol", *rows]))
    trips = json.loads(backtest(*both, tmp_path / "both.csv", "--json"))["round_trips"]
    assert {trip["instrument"] for trip in trips} == {"NSE:INFY", "BSE:INFY"}


def test_names_are_looked_at_before_anything_is_read(infy, tmp_path, monkeypatch):
    path = as_file(write_days(tmp_path, DIP), "OTHER.csv")
    monkeypatch.setattr("trading.lab.candle_layout.frame_of", lambda path: pytest.fail("it was read"))
    with pytest.raises(CommandError, match=r"OTHER\.csv is of OTHER"):
        backtest(*of(path))


def without(path, first, last):
    """Take the minutes from ``first`` up to ``last`` out of a file."""
    lines = path.read_text().split("\n")
    path.write_text("\n".join([lines[0], *(line for line in lines[1:] if not first <= line[11:16] < last)]))
    return path


def test_minutes_without_a_candle_are_counted_and_the_longest_hole_is_named(infy, tmp_path):
    path = without(without(write_days(tmp_path, DIP, days=2), "11:00", "11:20"), "13:00", "13:01")
    words = "NSE:INFY: 42 of 750 minutes have no candle, on 2 days; the longest hole 11:00 to 11:20 on 2025-03-03"
    assert json.loads(backtest(*of(path), "--json"))["warnings"] == [words]


def test_an_intraday_position_is_not_carried_over_a_night_where_the_candles_end_early(infy, tmp_path):
    path = without(write_days(tmp_path, ["1500"], days=2), "14:30", "15:30")
    result = json.loads(backtest(*of(path), "--json"))
    ended = [(trip["entered_at"][:10], trip["exited_at"][:16], trip["exit_price"]) for trip in result["round_trips"]]
    assert ended == [
        ("2025-03-03", "2025-03-03T15:05", "1499.9000"), ("2025-03-04", "2025-03-04T15:05", "1499.9000"),
    ]  # fmt: skip
    assert result["warnings"] == [
        "NSE:INFY: 120 of 750 minutes have no candle, on 2 days; the longest hole 14:30 to 15:30 on 2025-03-03",
        "NSE:INFY: on 2 days its candles end before it could be left, first on 2025-03-03 at 14:30; "
        "it was left at that last price, whatever the volume",
    ]
    assert {trip["exit_reason"] for trip in result["round_trips"]} == {"flat by 15:05:00, at the last price, of 14:30"}


def traded_from(path, first, volume, price=""):
    """Let a file's minutes from ``first`` on have another volume, and price."""
    rows = [line.split(",") for line in path.read_text().split("\n")]
    for row in rows[1:]:
        if row[0][11:16] >= first:
            row[1:] = [*([price] * 4 if price else row[1:5]), str(volume)]
    path.write_text("\n".join(map(",".join, rows)))
    return path


@pytest.mark.parametrize("volume", [0, 39, 200])
def test_a_last_candle_of_little_volume_keeps_nothing_overnight(infy, tmp_path, volume):
    path = traded_from(without(write_days(tmp_path, ["1500"], days=2), "14:30", "15:30"), "14:29", volume)
    result = json.loads(backtest(*of(path), "--json"))
    assert [(trip["exited_at"][8:16], trip["exit_price"]) for trip in result["round_trips"]] == [
        ("03T15:05", "1499.9000"), ("04T15:05", "1499.9000"),
    ]  # fmt: skip
    assert result["warnings"][1].startswith("NSE:INFY: on 2 days its candles end before")


def test_what_finds_no_volume_until_the_close_is_left_in_its_last_second(infy, tmp_path):
    path = traded_from(write_days(tmp_path, ["1500"], days=2), "14:29", 0)
    result = json.loads(backtest(*of(path), "--json"))
    assert [trip["exited_at"][8:19] for trip in result["round_trips"]] == ["03T15:29:59", "04T15:29:59"]
    assert {trip["exit_reason"] for trip in result["round_trips"]} == {"flat by 15:05:00, at the last price, of 15:30"}
    assert (result["open_trades"], len(result["warnings"])) == (0, 1)


def test_delivery_is_carried_over_a_night_all_the_same(infy, tmp_path):
    path = without(write_days(tmp_path, ["1500"], days=2), "14:30", "15:30")
    result = json.loads(backtest(*of(path, "--product", "CNC"), "--json"))
    assert (result["trades"], result["open_trades"]) == (0, 1)


WRONG = {
    "an index alone": (("test-one-lot", "--instruments", "NSE:NIFTY 50"), "at least one instrument to trade"),
    "answer": (("test-one-lot", "--answer", "stamps=banana"), "stamps is start or end, not 'banana'"),
    "strategy": (("no-such",), "no strategy 'no-such'"),
    "instrument": (("test-one-lot", "--instruments", "NSE:NOSUCH"), "not in the instruments loaded: NSE:NOSUCH"),
    "exchange": (("test-one-lot", "--instruments", "INFY"), "name the exchange too"),
    "parameter": (("test-one-lot", "--set", "buy_at=0"), "buy_at|Buy at"),
    "unknown parameter": (("test-one-lot", "--set", "colour=red"), "colour"),
    "not a pair": (("test-one-lot", "--set", "colour"), "--set wants NAME=VALUE"),
    "days": (("test-one-lot", "--from", "2025-03-09", "--to", "2025-03-08"), "2025-03-08 is before 2025-03-09"),
    "no such days": (("test-one-lot", "--from", "2026-03-09"), "none of them lies in the days asked for"),
    "day": (("test-one-lot", "--from", "yesterday"), "'yesterday' is not a day"),
    "capital": (("test-one-lot", "--account-capital", "much"), "'much' is no number"),
    "slippage": (("test-one-lot", "--slippage-ticks", "-1"), "slippage is not below zero"),
    "share": (("test-one-lot", "--volume-share", "3"), "a share of the volume"),
    "account": (("test-one-lot", "--account", "Nobody's"), "there is no account"),
    "hours": (("test-one-lot", "--entry-from", "15:00", "--entry-until", "10:00"), "10:00 is not after 15:00"),
    "flat-by": (("test-one-lot", "--flat-by", "14:00"), "14:00 is before the last entry at 14:45"),
    "zone of a time": (("test-one-lot", "--flat-by", "15:00+02:00"), "is not a time, as 15:10"),
    "twice": (("test-one-lot", "--instruments", "NSE:INFY", "NSE:INFY"), "NSE:INFY is named twice"),
    "too much": (("test-one-lot", "--account-capital", "1e30"), "at most"),
    "half a lot": (("test-one-lot", "--sizing", "lots", "--size", "1.5"), "1.5 lots cannot be bought: use 1 or 2"),
    "recording": (("test-one-lot", "--recording", "2025-03-03"), "no whole recording of 2025-03-03"),
}  # fmt: skip


@pytest.mark.parametrize("kind", WRONG)
def test_wrong_input_is_said_in_words(infy, tmp_path, kind):
    make_instrument(token=256265, symbol="NIFTY 50", segment="INDICES")
    (strategy, *more), words = WRONG[kind]
    arguments = {"--instruments": ["NSE:INFY"], "--candles": [write_days(tmp_path, DIP)]}
    given = [strategy, *more, *(one for name, value in arguments.items() if name not in more for one in (name, *value))]
    with pytest.raises(CommandError, match=words):
        backtest(*given)


def test_a_year_the_calendar_does_not_know_is_said(infy, tmp_path):
    path = write_days(tmp_path, DIP)
    path.write_text(path.read_text().replace("2025-", "2019-"))
    with pytest.raises(CommandError, match="load_calendar --year 2019"):
        backtest(*of(path))


def test_an_open_question_is_asked_and_answered(infy, tmp_path):
    path = write_days(tmp_path, DIP)
    path.write_text("\n".join(path.read_text().splitlines()[:30]))
    with pytest.raises(CommandError, match="answer zone=IST or UTC"):
        backtest(*of(path))
    backtest(*of(path, "--answer", "zone=IST", "stamps=start"))


def test_how_a_file_is_read_is_shown_with_five_rows(infy, tmp_path):
    words = backtest(*of(write_days(tmp_path, DIP), "--show-candles"))
    assert "stamps are a candle's start, in IST" in words
    assert words.count(" IST  ") == 5


@pytest.mark.skipif(settings.SHARED_DATA is None, reason="the real candles are not here (ALPHAPANDA_SHARED_DATA)")
def test_a_real_month(infy):
    run_quietly("load_calendar", "--year", "2024")
    result = json.loads(backtest(
        "momentum", "--instruments", "NSE:INFY", "--candles", settings.SHARED_DATA / "candles_1m" / "INFY.parquet",
        "--from", "2024-07-01", "--to", "2024-07-31", "--json",
    ))  # fmt: skip
    assert result["trades"] > 10
    assert Decimal(result["gross"]) - sum(map(Decimal, result["charges"].values())) == Decimal(result["net"])


@pytest.mark.skipif(settings.SHARED_DATA is None, reason="the real candles are not here (ALPHAPANDA_SHARED_DATA)")
def test_a_real_index_under_another_name(infy):
    make_instrument(token=256265, symbol="NIFTY 50", segment="INDICES")
    run_quietly("load_calendar", "--year", "2024")
    files = [settings.SHARED_DATA / "candles_1m" / name for name in ("INFY.parquet", "NIFTY_2024.csv.gz")]
    wanted = ("test-one-lot", "--instruments", "NSE:INFY", "NSE:NIFTY 50", "--candles", *files, "--from", "2024-07-01")
    with pytest.raises(CommandError, match=r"no candles of NSE:NIFTY 50 in .* NIFTY_2024\.csv\.gz is of NIFTY\."):
        backtest(*wanted)
    answer = ("--answer", "symbol:NIFTY_2024.csv.gz=NIFTY 50")
    result = json.loads(backtest(*wanted, *answer, "--to", "2024-07-05", "--json"))
    assert [day for day, _ in result["equity"]] == [f"2024-07-{nth:02}" for nth in range(1, 6)]
