"""Portfolio's days: each day's last known net, their sum, and a calendar; a bounded number of questions."""

from datetime import timedelta
from decimal import Decimal
from typing import Any

from django.db import connection
from django.test.utils import CaptureQueriesContext

from alphapanda.dashboard import panels
from alphapanda.dashboard.tests.conftest import DAY, NOW, PHASES, SampleDay
from instruments.models import TradingSession
from portfolio.models import PnlSnapshot


def close_day(sample: SampleDay, back: int, *nets: str) -> None:
    """One snapshot a minute, ``back`` days before the sample's."""
    day = DAY - timedelta(days=back)
    TradingSession.objects.create(exchange="NSE", security_class="equity_fno", day=day, phases=PHASES, source="test")
    for minute, net in enumerate(nets):
        PnlSnapshot.objects.create(
            portfolio=sample.portfolio, day=day, at=NOW - timedelta(days=back) + timedelta(minutes=minute),
            realised=0, unrealised=0, opened_with=0, charges=0, net=Decimal(net), worst=Decimal(net),
        )  # fmt: skip


def days_shown() -> Any:
    [shown] = panels.portfolio_snapshot(None)["days"]
    return shown


def test_a_day_counts_with_its_last_net_and_today_with_what_it_is_now(sample: SampleDay) -> None:
    close_day(sample, 1, "900", "-250.50")
    close_day(sample, 2, "100.25")
    shown = days_shown()
    assert Decimal(shown["total"]) == Decimal("-150.25")
    assert [net for _, net in shown["curve"]["points"]] == ["0", "100.2500", "-150.2500", "-150.2500"]
    assert (shown["won"], shown["best"], shown["worst"]) == ("1 of 3", "+₹100 on 18 Nov", "\u2212₹251 on 19 Nov")


def test_the_calendar_puts_each_day_in_its_week_and_sums_the_week(sample: SampleDay) -> None:
    close_day(sample, 1, "-250.50")
    close_day(sample, 7, "40")
    newest, before, *older = days_shown()["weeks"]
    assert newest["name"] == "16 Nov"
    assert [newest["days"][nth]["traded"] for nth in "01234"] == [False, False, False, True, True]
    assert (Decimal(newest["days"]["3"]["net"]), Decimal(newest["net"])) == (Decimal("-250.5"), Decimal("-250.5"))
    assert Decimal(before["days"]["4"]["net"]) == 40
    assert all(week["net"] is None for week in older)


def test_an_unknown_net_today_is_no_day_in_the_sum(sample: SampleDay) -> None:
    close_day(sample, 1, "75")
    sample.order("open", filled=120)  # no price is known
    shown = days_shown()
    assert (Decimal(shown["total"]), shown["won"]) == (75, "1 of 1")
    assert not shown["weeks"][0]["days"]["4"]["traded"]


def test_more_days_take_no_more_questions(sample: SampleDay) -> None:
    def asked() -> int:
        with CaptureQueriesContext(connection) as queries:
            panels.portfolio_snapshot(None)
        return sum("pnlsnapshot" in query["sql"] for query in queries)

    close_day(sample, 1, "75")
    close_day(sample, 2, "75")
    few = asked()
    for back in range(3, 40):
        close_day(sample, back, "10", "20")
    assert asked() == few
