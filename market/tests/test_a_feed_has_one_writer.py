"""The lease: one holder, a rising epoch, taken over when it is not renewed, given back when it ends."""

import socket
import subprocess
import sys
import threading
from datetime import timedelta

import pytest
from django.db import OperationalError
from django.db.models import F

from market import lease
from market.lease import LeaseKeeper, acquire_lease, bury_the_dead, release_lease, renew_lease
from market.models import LEASE_SECONDS, Feed, FeedLease

pytestmark = pytest.mark.django_db


@pytest.fixture
def feed():
    return Feed.objects.create(name="kite")


def expire(feed):
    FeedLease.objects.filter(feed=feed).update(renewed_at=F("renewed_at") - timedelta(seconds=LEASE_SECONDS + 1))


def test_a_second_process_does_not_get_the_lease(feed):
    assert acquire_lease(feed, "one") == 1
    assert acquire_lease(feed, "two") is None


def test_a_lease_that_is_not_renewed_passes_on_with_a_higher_epoch(feed):
    acquire_lease(feed, "one")
    expire(feed)
    assert acquire_lease(feed, "two") == 2
    assert not renew_lease(feed, "one", 1)
    assert renew_lease(feed, "two", 2)


def test_a_lease_given_back_is_free_at_once(feed):
    release_lease(feed, "one", acquire_lease(feed, "one"))
    assert acquire_lease(feed, "two") == 2


def test_giving_back_what_has_passed_on_changes_nothing(feed):
    acquire_lease(feed, "one")
    expire(feed)
    acquire_lease(feed, "two")
    release_lease(feed, "one", 1)
    assert acquire_lease(feed, "three") is None


def test_a_lease_is_kept_and_given_back_only_by_the_epoch_it_was_taken_with(feed):
    """Two processes can have one name: a container's are called alike, and numbers of processes come again."""
    acquire_lease(feed, "one")
    expire(feed)
    assert acquire_lease(feed, "one") == 2
    assert not renew_lease(feed, "one", 1)
    release_lease(feed, "one", 1)
    assert acquire_lease(feed, "two") is None
    assert renew_lease(feed, "one", 2)


def test_a_lease_of_a_killed_process_of_this_machine_is_free_at_once(feed):
    with subprocess.Popen([sys.executable, "-c", ""]) as ended:
        ended.wait()
    acquire_lease(feed, f"{socket.gethostname()}:{ended.pid}")
    assert bury_the_dead(feed)
    assert acquire_lease(feed, "two") == 2


@pytest.mark.parametrize("holder", ["elsewhere:1", "nobody knows", pytest.param(lease.holder_name(), id="this one")])
def test_a_process_that_may_live_keeps_its_lease(feed, holder):
    acquire_lease(feed, holder)
    assert not bury_the_dead(feed)
    assert acquire_lease(feed, "two") is None


def keeper_of(feed, **given):
    """A keeper that never really waits; what it finds out ends up in the list."""
    lost = []
    keeper = LeaseKeeper(
        feed, 1, holder="one", lost=lost.append, **{"look": lambda: None, "wait": lambda s: None} | given
    )
    return keeper, lost


def test_the_keeper_says_so_when_somebody_else_has_the_lease(feed, monkeypatch):
    monkeypatch.setattr(lease.connection, "close", lambda: None)
    acquire_lease(feed, "one")
    keeper, lost = keeper_of(feed, look=lambda: (expire(feed), acquire_lease(feed, "two")))
    keeper.run()
    assert lost == ["epoch 1 of kite has a successor"]


def test_the_keeper_gives_up_before_the_lease_runs_out_when_the_database_is_away(feed, monkeypatch):
    def gone(*_):
        raise OperationalError("the server closed the connection")

    monkeypatch.setattr(lease, "renew_lease", gone)
    monkeypatch.setattr(lease.connection, "close", lambda: None)
    monkeypatch.setattr(lease, "TRUST_SECONDS", 0.05)
    keeper, lost = keeper_of(feed, wait=threading.Event().wait, look=None)
    monkeypatch.setattr(lease, "RENEW_SECONDS", 0.02)
    keeper.run()
    assert lost == ["the database has not answered for 0.05 s"]


def test_a_keeper_that_fails_in_any_other_way_ends_the_feed_too(feed, monkeypatch):
    monkeypatch.setattr(lease.connection, "close", lambda: None)
    acquire_lease(feed, "one")

    def look():
        raise RuntimeError("a bug")

    keeper, lost = keeper_of(feed, look=look)
    keeper.run()
    assert lost == ["the lease cannot be kept: a bug"]
