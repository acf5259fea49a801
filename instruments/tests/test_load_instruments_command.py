import gzip
import json
from io import StringIO

import pytest
from django.core.management import CommandError, call_command

from instruments.models import Instrument, InstrumentLoad
from instruments.tasks import load_instruments
from instruments.tests.dumps_of import csv_of, future, share

pytestmark = pytest.mark.django_db

SOURCE = "instruments.tests.test_load_instruments_command.broker_dump"


def broker_dump(exchange: str | None) -> bytes:
    rows = {"NSE": [share()], "NFO": [future(expiry="2099-08-27")]}
    wanted = [exchange] if exchange else list(rows)
    return csv_of(*(row for name in wanted for row in rows.get(name, [])))


def run(*arguments) -> str:
    out = StringIO()
    call_command("load_instruments", *map(str, arguments), stdout=out)
    return out.getvalue()


@pytest.fixture
def files(tmp_path):
    nse, nfo = tmp_path / "nse.csv", tmp_path / "nfo.csv.gz"
    nse.write_bytes(csv_of(share()))
    nfo.write_bytes(gzip.compress(csv_of(future())))
    return nse, nfo


def test_loads_several_files_plain_and_gzipped_as_one_day(files):
    said = run(*files, "--day", "2026-08-17")
    assert said.startswith("Loaded 2 instruments of 17 Aug 2026.\nNFO: 1 rows\n        1 new\n")
    assert Instrument.objects.count() == 2


def test_says_it_all_as_one_json_object(files):
    said = json.loads(run(*files, "--day", "2026-08-17", "--json"))
    assert (said["day"], said["exchanges"]["NSE"]["new"], said["dry_run"]) == ("2026-08-17", 1, False)


def test_a_dry_run_leaves_no_trace(files):
    assert run(*files, "--dry-run").startswith("Would load 2 instruments")
    assert not Instrument.objects.exists()


def test_keeps_to_the_exchanges_asked_for(files):
    assert "NSE: 1 rows left out" in run(*files, "--exchange", "NFO")


def test_a_refused_dump_ends_with_one_and_every_reason(tmp_path):
    page = tmp_path / "page.csv"
    page.write_text("<html>Bad Gateway</html>")
    out = StringIO()
    with pytest.raises(CommandError, match="what stood before still stands") as refused:
        call_command("load_instruments", str(page), stdout=out)
    assert refused.value.returncode == 1
    assert "page.csv, row 1: HTML or XML where CSV was due" in out.getvalue()


def test_a_refusal_is_json_too(tmp_path):
    page, out = tmp_path / "page.csv", StringIO()
    page.write_text("<html>")
    with pytest.raises(CommandError):
        call_command("load_instruments", str(page), "--json", stdout=out)
    assert json.loads(out.getvalue())["problems"] == ["page.csv, row 1: HTML or XML where CSV was due: '<html>'"]


@pytest.mark.parametrize("arguments", [["nowhere.csv"], ["--day", "2026-08-17"]])
def test_wrong_input_ends_with_two(arguments):
    with pytest.raises(CommandError) as wrong:
        run(*arguments)
    assert wrong.value.returncode == 2


def test_without_a_file_the_brokers_whole_dump_is_loaded(settings):
    settings.INSTRUMENT_SOURCE = SOURCE
    run()
    assert InstrumentLoad.objects.get().sources == ["broker's dump"]
    assert set(Instrument.objects.values_list("exchange", flat=True)) == {"NSE", "NFO"}


def test_the_brokers_dump_can_be_asked_for_by_exchange(settings):
    settings.INSTRUMENT_SOURCE = SOURCE
    run("--exchange", "NFO")
    assert InstrumentLoad.objects.get().rows == {"NFO": 1}


def test_the_morning_task_loads_the_brokers_dump_and_keeps_a_refusal(settings):
    settings.INSTRUMENT_SOURCE = SOURCE
    load_instruments()
    load_instruments(["BFO"])
    assert [load.state for load in InstrumentLoad.objects.order_by("loaded_at")] == ["accepted", "refused"]
