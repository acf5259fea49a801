"""Which candles of the past are kept already, so that a broker is asked only for what is missing."""

from collections.abc import Collection
from datetime import datetime, timedelta
from uuid import UUID

from alphapanda.core.timezone import IST
from instruments.models import Instrument
from market.candle_store import HistoryRow, store_history
from market.models import KeptHistory

MINUTES_A_DAY = 1440
# Kite's candles of several minutes begin with the session, 09:15 IST (kite.md, "Historical candles").
FIRST_MINUTE = 9 * 60 + 15


def kept_series(instruments: Collection[Instrument]) -> dict[tuple[UUID, int], KeptHistory]:
    """Return by instrument and interval what is kept of these instruments."""
    found = KeptHistory.objects.filter(instrument__in=instruments)
    return {(kept.instrument_id, kept.interval): kept for kept in found}


def missing_since(
    kept: KeptHistory | None, interval: int, since: datetime, now: datetime, heard_from: datetime
) -> datetime | None:
    """Return from when on candles are missing of a series wanted ``since``; None if none has ended that is not kept.

    What ended after ``heard_from`` is made of our own ticks. All times are aware, market time.
    """
    if kept is None or kept.since > since or kept.until > now:
        return since
    if kept.until >= heard_from or bucket_of(kept.until, interval) == bucket_of(now, interval):
        return None
    return kept.until - timedelta(minutes=interval)


def bucket_of(moment: datetime, interval: int) -> tuple[int, int]:
    """Return the day and the number in it of the candle that is forming at ``moment``."""
    local = moment.astimezone(IST)
    minutes = local.hour * 60 + local.minute - FIRST_MINUTE
    return local.toordinal(), 0 if interval >= MINUTES_A_DAY else minutes // interval


def keep_history(
    instrument: Instrument, interval: int, rows: Collection[HistoryRow], since: datetime, now: datetime
) -> None:
    """Store the candles a broker told from ``since`` to ``now``, but for the one still forming, and note the span."""
    store_history(instrument, interval, [row for row in rows if row[0] + timedelta(minutes=interval) <= now])
    kept = KeptHistory.objects.filter(instrument=instrument, interval=interval, since__lte=since, until__gte=since)
    begins = kept.values_list("since", flat=True).first() or since
    KeptHistory.objects.update_or_create(
        instrument=instrument, interval=interval, defaults={"since": begins, "until": now}
    )
