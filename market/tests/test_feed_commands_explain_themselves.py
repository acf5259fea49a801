"""run_feed and record_day: wrong input is refused in words with its own exit code; a recording plays to its end."""

import json
import struct
from io import StringIO

import pytest
from django.core.management import CommandError, call_command

from market import lease
from market.domain.entries import START
from market.management.commands import run_feed
from market.models import Feed
from market.recording import MAGIC
from market.stream import TickStream
from market.tests.feeding import STAMP, raw

pytestmark = pytest.mark.django_db


def recording(path, *frames):
    records = (struct.pack("<qqI", 1, (STAMP + nth) * 1000, len(frame)) + frame for nth, frame in enumerate(frames))
    path.write_bytes(MAGIC + b"".join(records))
    return path


def test_an_unknown_feed_is_wrong_input():
    Feed.objects.create(name="kite")
    with pytest.raises(CommandError, match="no active feed called other") as refused:
        call_command("run_feed", feed="other")
    assert refused.value.returncode == 2


def test_a_feed_that_is_not_set_up_yet_is_waited_for_in_words(monkeypatch, settings):
    """Under a supervisor it would be started again for ever."""
    settings.LOCKSTEP = True
    looks = []

    def sleep(seconds):
        looks.append(seconds)
        if len(looks) == 3:
            lease.acquire_lease(Feed.objects.create(name="kite"), "elsewhere:1")

    monkeypatch.setattr(run_feed.time, "sleep", sleep)
    out = StringIO()
    with pytest.raises(CommandError, match="Another process runs feed kite"):
        call_command("run_feed", "--wait-for-feed", "--no-wait", stdout=out)
    assert (len(looks), out.getvalue().count("There is no active feed called kite yet")) == (3, 1)


def test_a_feed_that_runs_elsewhere_is_refused(settings):
    settings.LOCKSTEP = True
    feed = Feed.objects.create(name="kite")
    lease.acquire_lease(feed, "elsewhere:1")
    with pytest.raises(CommandError, match="Another process runs feed kite"):
        call_command("run_feed", "--no-wait")


def test_a_live_installation_does_not_run_in_lockstep(settings):
    Feed.objects.create(name="kite")
    settings.KIND, settings.LOCKSTEP = "live", True
    with pytest.raises(CommandError, match="only the wall's"):
        call_command("run_feed")


def test_a_practice_feed_needs_the_exchanges_clock(settings):
    Feed.objects.create(name="kite")
    settings.PRACTICE_CLOCK_URL = ""
    with pytest.raises(CommandError, match="PRACTICE_CLOCK_URL"):
        call_command("run_feed")


def test_a_recording_is_described(tmp_path):
    out = StringIO()
    path = recording(tmp_path / "x.aprec", raw({}, {"token": 779521}), raw({}))
    call_command("record_day", "--json", show=path, stdout=out)
    told = json.loads(out.getvalue())
    assert (told["frames"], told["ticks"]) == (2, 3)
    assert told["span"] == ["2026-11-20T09:30:00+05:30", "2026-11-20T09:30:01+05:30"]


@pytest.mark.parametrize("content", [b"not one", b""])
def test_what_is_no_recording_is_refused(tmp_path, content):
    (tmp_path / "x").write_bytes(content)
    with pytest.raises(CommandError, match="does not begin with APREC001"):
        call_command("record_day", show=tmp_path / "x")


def test_a_time_that_is_none_is_wrong_input():
    Feed.objects.create(name="kite")
    with pytest.raises(CommandError, match="HH:MM"):
        call_command("record_day", until="soon")


@pytest.mark.django_db(transaction=True)
def test_a_recording_plays_through_the_whole_feed_in_lockstep(tmp_path, settings, valkey, monkeypatch):
    feed = Feed.objects.create(name="kite")
    path = recording(tmp_path / "x.aprec", raw({"volume": 1}), raw({"volume": 2, "exchange_timestamp": STAMP + 1}))
    quiesced = []

    async def note(feed_id, position):
        quiesced.append(str(position))

    monkeypatch.setattr("market.feed_process.import_string", lambda _: note)
    call_command("run_feed", "--from", str(path), stdout=StringIO())
    entries = TickStream(valkey, feed.pk).read(START)
    assert [entry.kind for entry in entries] == ["ticks", "ticks", "watermark"]
    assert quiesced == [str(entry.position) for entry in entries]
