"""System shows what is kept, by which rule, and how much of the disk it takes."""

from datetime import date, timedelta

from alphapanda.core.clock.market_time import wall_now
from alphapanda.dashboard import panels
from alphapanda.dashboard.panels.system import keeping
from alphapanda.retention.kept import KEPT
from alphapanda.retention.rules import RULES
from alphapanda.retention.sizes import Measured, table_sizes
from market.kept_stream import kept_file

DAY = date(2026, 11, 23)


def rows_of_system():
    return {row["what"]: row for row in panels.system_snapshot(None)["keeping"]["rows"]}


def test_every_table_is_shown_with_its_rule_and_size(db):
    rows = rows_of_system()
    assert list(rows)[: len(RULES) + len(KEPT)] == [*(rule.title for rule in RULES), *(each.title for each in KEPT)]
    assert rows["Why no trade"]["rule"] == "30 days, and as long as its day can be run again"
    assert rows["Why no trade"]["size"].endswith("\u00a0MB")
    assert all(row["size"] for row in rows.values())


def test_growth_is_unknown_until_there_is_something_to_measure_from(db):
    assert rows_of_system()["Events"]["growth"] == "unknown"


def test_the_files_of_the_stream_are_counted(db, settings, tmp_path):
    settings.STATE_DIR = tmp_path
    path = kept_file("kite", DAY)
    path.parent.mkdir(parents=True)
    path.write_bytes(bytes(2_500_000))
    assert rows_of_system()["Files of the tick stream"]["size"] == "2.5\u00a0MB"


def test_growth_is_told_from_what_was_measured_days_ago(db, monkeypatch):
    two_days_ago = wall_now() - timedelta(days=2)
    then = Measured(two_days_ago, {"journal_event": table_sizes()["journal_event"].bytes - 4_000_000})
    monkeypatch.setattr(keeping, "earlier_sizes", lambda wall: then)
    assert rows_of_system()["Events"]["growth"] == "+2.0\u00a0MB"
