"""One process per feed: a lease in PostgreSQL, by the database's clock, with an epoch that only rises."""

from __future__ import annotations

import os
import socket
import threading
import time
from collections.abc import Callable

import structlog
from django.db import DatabaseError, connection
from django.db.models.functions import Now

from market.models import LEASE_SECONDS, Feed, FeedLease

log = structlog.get_logger(__name__)

RENEW_SECONDS = 1.0
# Given up before the database would: nobody else may hold the lease while we still think we do.
TRUST_SECONDS = LEASE_SECONDS - 1.5


class LeaseLost(Exception):
    """Another process holds the lease, or the database could not be asked for too long."""


def holder_name() -> str:
    return f"{socket.gethostname()}:{os.getpid()}"


def acquire_lease(feed: Feed, holder: str) -> int | None:
    """Take the feed's lease if nobody holds it; return the new epoch, or None."""
    FeedLease.objects.get_or_create(feed=feed)
    with connection.cursor() as cursor:
        cursor.execute(
            "UPDATE market_feedlease SET epoch = epoch + 1, holder = %s, renewed_at = clock_timestamp() "
            "WHERE feed_id = %s AND (holder = '' OR renewed_at < clock_timestamp() - make_interval(secs => %s)) "
            "RETURNING epoch",
            [holder, feed.pk, LEASE_SECONDS],
        )
        row = cursor.fetchone()
    return row[0] if row else None


def bury_the_dead(feed: Feed) -> bool:
    """Give back the lease of a process of this machine that is no more: a restart need not wait for it to run out."""
    lease = FeedLease.objects.filter(feed=feed).first()
    if lease is None or not lease.holder or _may_live(lease.holder):
        return False
    log.warning("lease_of_a_dead_process", feed=feed.name, holder=lease.holder, epoch=lease.epoch)
    release_lease(feed, lease.holder, lease.epoch)
    return True


def _may_live(holder: str) -> bool:
    host, _, pid = holder.rpartition(":")
    if host != socket.gethostname() or not pid.isdigit():
        return True
    try:
        os.kill(int(pid), 0)
    except ProcessLookupError:
        return False
    except PermissionError:
        return True
    return True


def renew_lease(feed: Feed, holder: str, epoch: int) -> bool:
    """Hold the lease for another six seconds; False if it has passed to somebody else."""
    held = FeedLease.objects.filter(feed=feed, holder=holder, epoch=epoch)
    return bool(held.update(renewed_at=Now()))


def release_lease(feed: Feed, holder: str, epoch: int) -> None:
    """Let the next process have the feed at once."""
    FeedLease.objects.filter(feed=feed, holder=holder, epoch=epoch).update(holder="")


class LeaseKeeper(threading.Thread):
    """Renews the lease once a second in a thread of its own, and looks at the database on the way.

    ``look`` is called after each renewal, in this thread; ``lost`` once, when the lease cannot be trusted any more.
    """

    def __init__(
        self,
        feed: Feed,
        epoch: int,
        *,
        look: Callable[[], None],
        lost: Callable[[str], None],
        wait: Callable[[float], object] | None = None,
        holder: str = "",
    ) -> None:
        super().__init__(name=f"lease of {feed.name}", daemon=True)
        self.feed, self.epoch, self.holder = feed, epoch, holder or holder_name()
        self._look, self._lost = look, lost
        self._stopping = threading.Event()
        self._wait = wait or self._stopping.wait
        self._renewed_at = time.monotonic()

    def run(self) -> None:
        try:
            while not self._stopping.is_set():
                self._once()
                self._wait(RENEW_SECONDS)
        except LeaseLost as loss:
            self._lost(str(loss))
        except Exception as error:
            # Without this thread the lease runs out unnoticed: better to end at once, in words.
            log.exception("lease_keeper_failed", feed=self.feed.name)
            self._lost(f"the lease cannot be kept: {error}")
        finally:
            connection.close()

    def _once(self) -> None:
        asked_at = time.monotonic()
        try:
            if not renew_lease(self.feed, self.holder, self.epoch):
                raise LeaseLost(f"epoch {self.epoch} of {self.feed.name} has a successor")
            self._renewed_at = asked_at
            self._look()
        except DatabaseError as error:
            connection.close()
            log.warning("lease_not_renewed", feed=self.feed.name, error=str(error))
        if time.monotonic() - self._renewed_at > TRUST_SECONDS:
            raise LeaseLost(f"the database has not answered for {TRUST_SECONDS} s")

    def stop(self) -> None:
        """End the thread, then give the lease back."""
        self._stopping.set()
        self.join(timeout=RENEW_SECONDS + 3)
        release_lease(self.feed, self.holder, self.epoch)
