"""What Kite's own dumps of four days say, where the shared data folder is there."""

from datetime import date

import pytest
from django.conf import settings

from instruments import sync
from instruments.dumps import from_file
from instruments.models import Instrument

FOLDER = settings.SHARED_DATA / "instruments" if settings.SHARED_DATA else None
pytestmark = [
    pytest.mark.django_db,
    pytest.mark.skipif(FOLDER is None, reason="Kite's dumps are in the shared data folder, which is not there"),
]


def load(*names: str, day: date):
    return sync.load_dumps([from_file(FOLDER / name) for name in names], day=day)


def test_every_change_between_two_days_of_derivatives_is_reported():
    load("kite_NFO_2026-08-mid_a.csv.gz", day=date(2026, 8, 17))
    changes = load("kite_NFO_BFO_2026-08-mid_b.csv.gz", day=date(2026, 8, 18)).exchanges
    nfo = changes["NFO"]
    assert (nfo.rows, nfo.new, nfo.gone, nfo.changed, nfo.unchanged) == (35_683, 933, 14, 60, 34_690)
    assert nfo.columns == {"instrument_token": 60}
    assert nfo.recycled == 74
    assert (changes["BFO"].rows, changes["BFO"].new) == (4_258, 4_258)


def test_every_change_between_two_days_of_shares_is_reported():
    load("kite_NSE_2026-03-12.csv.gz", day=date(2026, 3, 12))
    changes = load("kite_NSE_2026-03-14.csv.gz", day=date(2026, 3, 14)).exchanges["NSE"]
    assert (changes.rows, changes.new, changes.gone, changes.unchanged) == (9_451, 34, 3, 9_417)
    assert changes.examples["gone"] == ["643AS26-SG", "ICICM58-M1", "LCCINFOTEC"]


def test_a_whole_day_of_three_exchanges_is_one_load_that_knows_which_shares_have_futures():
    report = load("kite_NSE_2026-03-14.csv.gz", "kite_NFO_BFO_2026-08-mid_b.csv.gz", day=date(2026, 8, 18))
    assert {exchange: changes.rows for exchange, changes in report.exchanges.items()} == {
        "BFO": 4_258,
        "NFO": 35_683,
        "NSE": 9_451,
    }
    assert Instrument.objects.by_key("NSE:INFY").security_class == "equity_fno"
    assert Instrument.objects.by_key("NSE:NIFTY 50").is_index
    with_futures = Instrument.objects.filter(exchange="NSE", has_derivatives=True)
    named = Instrument.objects.filter(instrument_type="FUT", name__in=with_futures.values("tradingsymbol"))
    assert with_futures.count() == named.values("name").distinct().count() > 190
