from decimal import Decimal

import pytest

from alphapanda.core.journal.models import Event
from instruments import sync
from instruments.models import Instrument, InstrumentLoad, InstrumentToken
from instruments.tests.dumps_of import DAY, NEXT_DAY, csv_of, dump, future, index, load, option, share, shares

pytestmark = pytest.mark.django_db


def counts(changes) -> dict[str, int]:
    names = ("rows", "new", "relisted", "changed", "unchanged", "expired", "gone", "recycled", "renamed")
    return {name: count for name in names if (count := getattr(changes, name))}


def test_the_first_load_brings_everything():
    report = load(index(), share(), future(), option())
    assert counts(report.exchanges["NSE"]) == {"rows": 2, "new": 2}
    assert counts(report.exchanges["NFO"]) == {"rows": 2, "new": 2}
    call = Instrument.objects.get(tradingsymbol="NIFTY26AUG25000CE")
    assert (call.key, call.strike, call.lot_size) == ("NFO:NIFTY26AUG25000CE", Decimal(25000), 65)
    assert (call.first_seen, call.last_seen, call.listed) == (DAY, None, True)


def test_loading_the_same_dump_again_changes_nothing():
    load(index(), share(), future())
    before = list(Instrument.objects.values())
    assert counts(load(index(), share(), future(), day=NEXT_DAY).exchanges["NFO"]) == {"rows": 1, "unchanged": 1}
    assert list(Instrument.objects.values()) == before


def test_an_unchanged_row_is_not_even_touched():
    from django.db import connection

    load(share())
    versions = "SELECT xmin::text, xmax::text, ctid::text FROM instruments_instrument"
    with connection.cursor() as cursor:
        cursor.execute(versions)
        before = cursor.fetchall()
        load(share(), day=NEXT_DAY)
        cursor.execute(versions)
        assert cursor.fetchall() == before


def test_a_changed_lot_and_tick_are_named():
    load(future(lot_size="75"))
    changes = load(future(lot_size="65", tick_size="0.05"), day=NEXT_DAY).exchanges["NFO"]
    assert counts(changes) == {"rows": 1, "changed": 1}
    assert changes.columns == {"lot_size": 1, "tick_size": 1}
    assert changes.examples["changed"] == ["INFY26AUGFUT: lot 75 → 65, tick 0.1 → 0.05"]
    assert Instrument.objects.get().lot_size == 65


def test_a_symbol_that_is_gone_is_unlisted_with_the_day_it_was_last_seen():
    load(*shares(10))
    load(*shares(10), day=NEXT_DAY)
    third_day = NEXT_DAY.replace(day=19)
    changes = load(*shares(9), day=third_day).exchanges["NSE"]
    assert changes.examples["gone"] == ["SHARE10"]
    gone = Instrument.objects.get(tradingsymbol="SHARE10")
    assert (gone.listed, gone.last_seen) == (False, NEXT_DAY)
    assert [(token.valid_from, token.valid_to) for token in gone.tokens.all()] == [(DAY, third_day)]


def test_a_symbol_that_comes_back_is_the_same_instrument_again():
    load(*shares(10))
    first_id = Instrument.objects.get(tradingsymbol="SHARE10").id
    load(*shares(9), day=NEXT_DAY)
    third_day = NEXT_DAY.replace(day=19)
    assert load(*shares(10), day=third_day).exchanges["NSE"].examples["relisted"] == ["SHARE10"]
    back = Instrument.objects.get(tradingsymbol="SHARE10")
    assert (back.id, back.listed, back.last_seen) == (first_id, True, None)
    assert [(token.valid_from, token.valid_to) for token in back.tokens.all()] == [(DAY, NEXT_DAY)]
    holders = [Instrument.objects.holding_token(2561, day) for day in (DAY, NEXT_DAY, third_day)]
    assert holders == [back, None, back]


def test_a_symbol_used_again_for_a_later_expiry_is_another_instrument():
    load(option("NIFTY26AUG25000CE", 1, expiry=str(DAY)), future())
    load(option("NIFTY26AUG25000CE", 2, expiry="2026-08-25"), future(), day=NEXT_DAY)
    assert Instrument.objects.filter(tradingsymbol="NIFTY26AUG25000CE").count() == 2
    assert Instrument.objects.by_key("NFO:NIFTY26AUG25000CE").exchange_token == 2


def test_a_token_that_changes_keeps_its_history():
    load(share("INFY", 1594))
    changes = load(share("INFY", 1600), day=NEXT_DAY).exchanges["NSE"]
    assert changes.columns == {"instrument_token": 1}
    infy = Instrument.objects.get()
    assert infy.instrument_token == 409601
    assert list(infy.tokens.values_list("instrument_token", "valid_from", "valid_to")) == [(408065, DAY, NEXT_DAY)]
    assert (Instrument.objects.holding_token(408065, DAY), infy.token_since) == (infy, NEXT_DAY)
    assert Instrument.objects.holding_token(408065, NEXT_DAY) is None
    assert Instrument.objects.holding_token(409601, DAY) is None


def test_a_recycled_token_belongs_to_each_in_its_time():
    load(option("NIFTY26AUG25000CE", 7, expiry=str(DAY)), future())
    changes = load(option("NIFTY26AUG26000CE", 7), future(), day=NEXT_DAY).exchanges["NFO"]
    token = 7 * 256 + 2
    assert changes.examples["recycled"] == [f"{token}: NIFTY26AUG25000CE → NIFTY26AUG26000CE"]
    assert Instrument.objects.holding_token(token, DAY).tradingsymbol == "NIFTY26AUG25000CE"
    assert Instrument.objects.holding_token(token, NEXT_DAY).tradingsymbol == "NIFTY26AUG26000CE"
    assert Instrument.objects.holding_token(token, DAY.replace(day=1)) is None


def test_two_symbols_may_exchange_their_tokens_in_one_load():
    load(share("A", 1), share("B", 2))
    changes = load(share("A", 2), share("B", 1), day=NEXT_DAY).exchanges["NSE"]
    assert (changes.changed, changes.recycled) == (2, 2)
    assert Instrument.objects.holding_token(2 * 256 + 1, NEXT_DAY).tradingsymbol == "A"
    assert Instrument.objects.holding_token(2 * 256 + 1, DAY).tradingsymbol == "B"
    assert InstrumentToken.objects.count() == 2


def test_a_share_is_marked_when_futures_on_it_stand_in_whatever_order_they_come():
    load(share(), share("OTHER", 5))
    assert not Instrument.objects.filter(has_derivatives=True).exists()
    load(future(), day=NEXT_DAY)
    assert Instrument.objects.get(has_derivatives=True).tradingsymbol == "INFY"
    assert Instrument.objects.get(tradingsymbol="INFY").security_class == "equity_fno"


def test_the_mark_goes_when_the_last_future_goes():
    load(share(), future(expiry=str(DAY)), future("TCS26AUGFUT", 2, name="TCS"))
    load(future("TCS26AUGFUT", 2, name="TCS"), day=NEXT_DAY)
    assert not Instrument.objects.filter(has_derivatives=True).exists()


def test_a_load_touches_only_the_exchanges_it_holds():
    load(share(), future())
    load(share(), day=NEXT_DAY)
    assert Instrument.objects.get(exchange="NFO").listed


def test_rows_of_exchanges_nobody_trades_here_are_left_out_and_counted():
    gold = future("GOLD26DECFUT", 3, exchange="MCX", segment="MCX-FUT", tick_size="1")
    report = load(share(), gold)
    assert report.left_out == {"MCX": 1}
    assert Instrument.objects.count() == 1


def test_only_the_exchanges_asked_for_are_loaded():
    report = load(share(), future(), exchanges=["NFO"])
    assert (list(report.exchanges), report.left_out) == (["NFO"], {"NSE": 1})


def test_a_dump_in_several_files_is_one_load():
    sync.load_dumps([dump(share(), name="nse.csv"), dump(future(), name="nfo.csv")], day=DAY)
    kept = InstrumentLoad.objects.get()
    assert (kept.sources, kept.rows) == (["nse.csv", "nfo.csv"], {"NSE": 1, "NFO": 1})


def test_columns_in_another_order_windows_line_ends_and_a_byte_order_mark_are_no_matter():
    from instruments.dumps import COLUMNS, from_bytes

    turned = csv_of(share(), future(), columns=tuple(reversed(COLUMNS))).replace(b"\n", b"\r\n")
    assert sync.load_dumps([from_bytes("turned.csv", b"\xef\xbb\xbf" + turned)], day=DAY).rows == 2


def test_a_name_with_a_comma_a_quote_and_an_accent_comes_through():
    from instruments.dumps import from_bytes

    content = csv_of(share(name="PLACEHOLDER")).replace(b"PLACEHOLDER", 'Café "A", Ltd'.replace('"', '""').encode())
    sync.load_dumps([from_bytes("dump.csv", content)], day=DAY)
    assert Instrument.objects.get().name == 'Café "A", Ltd'


def test_a_dump_without_a_day_is_of_its_earliest_expiry_at_the_latest():
    report = sync.load_dumps([dump(share(), future(expiry="2020-08-27"))])
    assert str(report.day) == "2020-08-27"


def test_a_dry_run_reports_and_changes_nothing():
    assert load(share(), dry_run=True).exchanges["NSE"].new == 1
    assert not Instrument.objects.exists()
    assert not InstrumentLoad.objects.exists()


def test_a_load_is_told_to_the_journal():
    load(share())
    event = Event.objects.get(kind="instruments.loaded")
    assert (event.payload["rows"], event.payload["new"]) == (1, 1)
