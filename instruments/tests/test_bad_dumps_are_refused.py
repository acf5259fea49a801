import gzip

import pytest

from instruments import sync
from instruments.dumps import COLUMNS, from_bytes, from_file
from instruments.models import Instrument, InstrumentLoad
from instruments.tests.dumps_of import (
    DAY,
    NEXT_DAY,
    csv_of,
    dump,
    future,
    index,
    load,
    option,
    share,
    shares,
)

pytestmark = pytest.mark.django_db

HEADER = ",".join(COLUMNS)


def refusal(*sources, day=DAY, **options) -> list[str]:
    with pytest.raises(sync.LoadRefused) as refused:
        sync.load_dumps(sources, day=day, **options)
    return [str(problem) for problem in refused.value.problems]


def refusal_of_bytes(content: bytes) -> list[str]:
    return refusal(from_bytes("dump.csv", content))


@pytest.mark.parametrize(
    ("row", "reason"),
    [
        (share(instrument_token=408066), "instrument_token 408066 is not exchange_token 1594 × 256 + the byte"),
        (share(exchange_token=0, instrument_token=1), "instrument_token 1 is not exchange_token 0 × 256"),
        (share(exchange="XYZ"), "exchange 'XYZ' is unknown"),
        (share(segment="BSE"), "segment 'BSE' does not belong to exchange NSE"),
        (share(instrument_type="FUT"), "instrument_type 'FUT' does not fit segment NSE"),
        (share(tick_size="0"), "tick_size 0 is not a price step"),
        (share(tick_size="0.00005"), "tick_size 0.00005 is not a price step"),
        (share(lot_size="0"), "lot_size 0 is not a quantity"),
        (share(expiry="2026-08-25"), "expiry '2026-08-25' does not fit segment NSE"),
        (share(strike="100"), "strike 100 does not fit segment NSE"),
        (share(" INFY"), "tradingsymbol ' INFY' is not a symbol"),
        (share("<b>INFY</b>"), "tradingsymbol '<b>INFY</b>' is not a symbol"),
        (share("S" * 65), "is not a symbol"),
        (share('""'), "tradingsymbol '' is not a symbol"),
        (share(name="N" * 201), "name is 201 characters long"),
        (future(expiry=""), "expiry '' does not fit segment NFO-FUT"),
        (future(expiry="25-08-2026"), "expiry '25-08-2026' is not a date such as 2026-08-25"),
        (future(expiry="2026-02-30"), "expiry '2026-02-30' is not a date such as 2026-08-25"),
        (future(expiry="today"), "expiry 'today' is not a date such as 2026-08-25"),
        (future(expiry="2026-08-16"), "expired on 2026-08-16, before 2026-08-17, the day of this load"),
        (option(strike="0"), "strike 0 does not fit segment NFO-OPT"),
        (option(strike="NaN"), "strike NaN does not fit segment NFO-OPT"),
    ],
)
def test_a_row_that_breaks_a_rule_is_named_with_file_row_and_reason(row, reason):
    (problem,) = refusal(dump(index(), row))
    assert problem.startswith("dump.csv, row 3: ")
    assert reason in problem


@pytest.mark.parametrize(
    ("column", "text", "reason"),
    [
        ("instrument_token", "4.08e5", "instrument_token '4.08e5' is not a whole number"),
        ("instrument_token", "", "instrument_token is empty"),
        ("lot_size", "1.5", "lot_size '1.5' is not a whole number"),
        ("lot_size", "many", "lot_size 'many' is not a whole number"),
        ("tick_size", "0,05", "13 columns where the header has 12"),
        ("tick_size", "cheap", "tick_size 'cheap' is not a number"),
        ("strike", "1e3x", "strike '1e3x' is not a number"),
        ("lot_size", "9" * 40, "is not a whole number"),
        ("name", "x\x00y", "name holds a zero byte"),
    ],
)
def test_a_field_that_is_no_number_or_text_is_named_too(column, text, reason):
    (problem,) = refusal(dump(index(), {**share(), column: text}))
    assert problem.startswith("dump.csv, row 3: ")
    assert reason in problem


def test_all_problems_are_listed_whatever_kind_they_are():
    bad = [share("A", 1, lot_size="x"), share("B", 2, tick_size="-1"), share("C", 3, segment="BSE"), share("D", 3)]
    problems = " ".join(refusal(dump(index(), *bad)))
    assert "row 3: lot_size 'x' is not a whole number" in problems
    assert "row 4: tick_size '-1' is not a number" in problems
    assert "row 5: segment 'BSE' does not belong to exchange NSE" in problems
    assert "row 6: instrument_token 769 is also in dump.csv, row 5" in problems


def test_at_most_twenty_problems_are_listed():
    bad = [share(f"S{number}", number, tick_size="0") for number in range(1, 60)]
    assert len(refusal(dump(*bad))) == 20


def test_a_token_given_twice_is_refused_with_both_places():
    twice = share("OTHER", 1594)
    (problem,) = refusal(dump(share(), name="nse.csv"), dump(twice, name="more.csv"))
    assert problem == "more.csv, row 2: instrument_token 408065 is also in nse.csv, row 2"


def test_a_symbol_given_twice_is_refused_with_both_places():
    (problem,) = refusal(dump(share("INFY", 1), share("INFY", 2)))
    assert problem == "dump.csv, row 3: tradingsymbol NSE:INFY is also in dump.csv, row 2"


@pytest.mark.parametrize(
    ("content", "reason"),
    [
        (b"", "empty: no header"),
        (b"<html><body>502 Bad Gateway</body></html>", "HTML or XML where CSV was due: '<html>"),
        (b'{"status":"error"}', "JSON where CSV was due"),
        (HEADER.replace(",strike", "").encode(), "missing column strike"),
        (f"{HEADER},freeze".encode(), "unknown column freeze"),
        (f"{HEADER},name".encode(), "column given twice: name"),
        (HEADER.encode(), "no row of an exchange this installation trades"),
        (gzip.compress(csv_of(share()))[:-12], "not a whole gzip file"),
        (csv_of(share(name="Ünïcode")).decode().encode("latin-1"), "not CSV in UTF-8"),
        (csv_of(share())[:-1] + b'\n"never closed,1', "not CSV in UTF-8"),
    ],
)
def test_what_is_no_dump_at_all_is_refused(content, reason):
    (problem,) = refusal_of_bytes(content)
    assert reason in problem


def test_a_row_too_short_or_too_long_is_refused():
    spoilt = csv_of(share()) + b"1,2,3\n" + b",".join([b"1"] * 13) + b"\n"
    assert refusal_of_bytes(spoilt) == [
        "dump.csv, row 3: 3 columns where the header has 12",
        "dump.csv, row 4: 13 columns where the header has 12",
    ]


def test_more_than_the_largest_dump_is_refused(monkeypatch):
    monkeypatch.setattr("instruments.dumps.LARGEST_DUMP", 100)
    assert "larger than" in refusal(dump(share()))[0]


def test_an_endless_line_is_refused(monkeypatch):
    monkeypatch.setattr("instruments.dumps.BLOCK", 64)
    content = csv_of(share()) + b"x" * 200
    assert "a line longer than" in refusal_of_bytes(content)[0]


def test_a_missing_file_is_known_before_the_load_begins(tmp_path):
    with pytest.raises(FileNotFoundError):
        from_file(tmp_path / "nowhere.csv")


def test_a_fifth_fewer_rows_than_stand_is_refused_and_a_little_less_is_not():
    load(*shares(100))
    (problem,) = refusal(dump(*shares(79)), day=NEXT_DAY)
    assert problem == "NSE: 79 rows where 100 stand, 21 % fewer"
    assert load(*shares(80), day=NEXT_DAY).exchanges["NSE"].gone == 20


def test_contracts_that_expired_do_not_count_as_rows_lost():
    load(*(future(f"S{number}26AUGFUT", number, expiry=str(DAY)) for number in range(1, 9)), future(number=99))
    assert load(future(number=99), day=NEXT_DAY).exchanges["NFO"].expired == 8


def test_an_index_that_stood_and_is_missing_is_refused():
    load(index(), *shares(20))
    (problem,) = refusal(dump(*shares(20)), day=NEXT_DAY)
    assert problem == "NSE: the index NIFTY 50 is missing, which stood before"


def test_losses_can_be_accepted_but_nothing_else_can():
    load(index(), *shares(20))
    assert load(*shares(10), day=NEXT_DAY, accept_losses=True).exchanges["NSE"].gone == 11
    assert "tick_size" in refusal(dump(share(tick_size="0")), day=NEXT_DAY, accept_losses=True)[0]


def test_an_exchange_asked_for_must_come():
    assert refusal(dump(share()), exchanges=["NSE", "NFO"]) == ["no row of NFO, which was asked for"]


def test_an_exchange_that_stands_must_be_in_a_whole_dump():
    load(share(), future())
    assert refusal(dump(share()), day=NEXT_DAY, is_whole=True) == ["NFO: 0 rows where 1 stand, 100 % fewer"]


def test_a_dump_older_than_what_stands_is_refused():
    load(share(), day=NEXT_DAY)
    assert refusal(dump(share()), day=DAY) == [f"NSE: a dump of {DAY}, but that of {NEXT_DAY} stands already"]


def test_a_refused_load_changes_nothing_and_is_kept_with_its_reasons():
    load(share())
    before = list(Instrument.objects.values())
    problems = refusal(dump(share(lot_size="0")), day=NEXT_DAY)
    assert list(Instrument.objects.values()) == before
    refused = InstrumentLoad.objects.get(state="refused")
    assert (refused.day, refused.problems) == (NEXT_DAY, problems)


@pytest.mark.django_db(transaction=True)
def test_two_loads_at_once_cannot_interleave():
    from django.db import connection

    other = connection.copy()
    try:
        with other.cursor() as cursor:
            cursor.execute("BEGIN; SELECT pg_advisory_xact_lock(%s)", [sync.LOAD_LOCK])
            assert refusal(dump(share())) == ["another load is running; try again when it has ended"]
            cursor.execute("ROLLBACK")
    finally:
        other.close()
    assert load(share()).rows == 1
