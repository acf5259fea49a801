"""Never more orders than the broker takes, and always some left for getting out."""

from collections import Counter
from datetime import UTC, datetime, timedelta
from decimal import Decimal

import pytest
from django.db import transaction
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from portfolio.booking import open_account
from portfolio.models import Account
from trading.models import RateWindow
from trading.orders.rate_budget import KITE_BUDGET, RateBudget, RateLimit, Span, window_start
from trading.orders.rates import count_exit, exit_room, spend_rate, spend_request

NOW = datetime(2026, 11, 20, 5, 0, 30, 250_000, tzinfo=UTC)


@pytest.fixture
def account(db: None) -> Account:
    return open_account("Desk A", "paper", "paper", Decimal(100))


def counts() -> dict[str, int]:
    return dict(RateWindow.objects.values_list("span", "count"))


def test_two_a_second_are_kept_for_getting_out(account: Account) -> None:
    assert [spend_rate(account, NOW, is_exit=False) for _ in range(9)] == [""] * 8 + ["second"]
    assert [spend_rate(account, NOW, is_exit=True) for _ in range(3)] == ["", "", "second"]


def test_what_a_full_window_refuses_is_counted_nowhere(account: Account) -> None:
    tight = RateBudget((RateLimit(Span.SECOND, 10, 0), RateLimit(Span.MINUTE, 1, 0), RateLimit(Span.DAY, 10, 0)))
    assert spend_rate(account, NOW, is_exit=True, budget=tight) == ""
    assert spend_rate(account, NOW, is_exit=True, budget=tight) == "minute"
    assert counts() == {"second": 1, "minute": 1, "day": 1}


def test_a_claim_that_rolls_back_has_spent_nothing(account: Account) -> None:
    with transaction.atomic():
        spend_rate(account, NOW, is_exit=True)
        transaction.set_rollback(True)
    assert counts() == {}


def test_each_account_has_a_budget_of_its_own(account: Account) -> None:
    other = open_account("Desk B", "paper", "paper", Decimal(100))
    for _ in range(10):
        spend_rate(account, NOW, is_exit=True)
    assert (spend_rate(account, NOW, is_exit=True), spend_rate(other, NOW, is_exit=True)) == ("second", "")


def test_windows_follow_the_calendar_in_india() -> None:
    assert window_start(Span.SECOND, NOW).isoformat() == "2026-11-20T10:30:30+05:30"
    assert window_start(Span.MINUTE, NOW).isoformat() == "2026-11-20T10:30:00+05:30"
    assert window_start(Span.DAY, NOW).isoformat() == "2026-11-20T00:00:00+05:30"


@settings(max_examples=20, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(arrivals=st.lists(st.tuples(st.integers(0, 30), st.booleans()), max_size=60))
def test_no_arrivals_ever_pass_the_brokers_limits(account: Account, arrivals: list[tuple[int, bool]]) -> None:
    RateWindow.objects.all().delete()
    sent: Counter[tuple[str, datetime]] = Counter()
    entries: Counter[datetime] = Counter()
    for tenths, is_exit in sorted(arrivals):
        now = NOW + timedelta(seconds=tenths / 10)
        if not spend_rate(account, now, is_exit=is_exit):
            sent.update((span, window_start(span, now)) for span in Span)
            entries.update([] if is_exit else [window_start(Span.SECOND, now)])
    assert all(count <= KITE_BUDGET.room(span, is_exit=True) for (span, _), count in sent.items())
    assert all(count <= 8 for count in entries.values())
    assert sent == {(row.span, row.starts_at): row.count for row in RateWindow.objects.all()}


def test_exits_make_four_requests_a_second_and_a_thousand_new_orders_a_day(account: Account) -> None:
    """exits.md 3.8; a change or a cancellation uses up no new order."""
    assert exit_room(account, NOW) == (4, 4)
    for is_place in (True, False, True):
        count_exit(account, NOW, is_place=is_place)
    assert exit_room(account, NOW) == (1, 1)
    count_exit(account, NOW, is_place=False)
    assert exit_room(account, NOW) == (0, 0)
    assert exit_room(account, NOW + timedelta(seconds=1)) == (4, 4)
    RateWindow.objects.filter(span="exit_m").update(count=149)
    assert exit_room(account, NOW + timedelta(seconds=1)) == (1, 1)
    RateWindow.objects.filter(span="exit_d").update(count=1000)
    assert exit_room(account, NOW + timedelta(minutes=1)) == (4, 0)
    assert "second" not in counts()  # the broker's own windows are counted where orders are claimed


def test_a_change_or_a_cancellation_counts_to_the_second_and_the_minute_and_not_to_the_day(account: Account) -> None:
    assert [spend_request(account, NOW) for _ in range(11)] == [""] * 10 + ["second"]
    assert counts() == {"second": 10, "minute": 10}
