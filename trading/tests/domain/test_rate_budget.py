"""Never more messages than the broker takes, and always some left for getting out."""

from collections import Counter
from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from trading.domain.rate_budget import (
    KITE_BUDGET,
    Kind,
    Span,
    counted_spans,
    may_spend,
    next_window,
    window_start,
)

NOW = datetime(2026, 11, 20, 5, 0, 30, 250_000, tzinfo=UTC)


@pytest.mark.parametrize(("sent", "entry", "exit_"), [(7, True, True), (8, False, True), (10, False, False)])
def test_two_a_second_are_kept_for_getting_out(sent, entry, exit_):
    counts = {Span.SECOND: sent, Span.MINUTE: sent, Span.DAY: sent}
    assert (may_spend(counts, Kind.ENTRY) is None) == entry
    assert (may_spend(counts, Kind.EXIT) is None) == exit_
    assert (may_spend(counts, Kind.CANCEL) is None) == exit_


def test_a_cancellation_is_not_held_back_by_a_full_day():
    assert may_spend({Span.DAY: 5000}, Kind.EXIT).words == "5000 of 5000 orders sent this day"
    assert may_spend({Span.DAY: 5000}, Kind.CANCEL) is None


def test_windows_follow_the_calendar_in_india():
    assert window_start(Span.SECOND, NOW).isoformat() == "2026-11-20T10:30:30+05:30"
    assert window_start(Span.MINUTE, NOW).isoformat() == "2026-11-20T10:30:00+05:30"
    assert window_start(Span.DAY, NOW).isoformat() == "2026-11-20T00:00:00+05:30"
    assert next_window(Span.DAY, NOW) - window_start(Span.DAY, NOW) == timedelta(days=1)


@given(st.lists(st.tuples(st.integers(0, 200), st.sampled_from(Kind)), max_size=300))
def test_no_arrivals_ever_pass_the_brokers_limits(arrivals):
    sent, entries = Counter(), Counter()
    for tenths, kind in sorted(arrivals):
        now = NOW + timedelta(seconds=tenths / 10)
        starts = {span: (span, window_start(span, now)) for span in Span}
        if may_spend({span: sent[key] for span, key in starts.items()}, kind) is None:
            sent.update(starts[span] for span in counted_spans(kind))
            entries.update([starts[Span.SECOND]] if kind is Kind.ENTRY else [])
    most = {limit.span: limit.most for limit in KITE_BUDGET.limits}
    assert all(count <= most[span] for (span, _), count in sent.items())
    assert all(count <= 8 for count in entries.values())
