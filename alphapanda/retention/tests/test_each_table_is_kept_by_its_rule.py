"""What is past its time goes, what is not stays; and what trading, a backtest or a day run again needs is never old."""

from datetime import timedelta

import pytest
from django.apps import apps
from django.contrib.auth import get_user_model
from django.contrib.sessions.models import Session
from django.db import DatabaseError, transaction

from alphapanda.core.clock.market_time import wall_now
from alphapanda.core.journal.models import Event
from alphapanda.core.journal.services import record_event
from alphapanda.retention.kept import KEPT, NEVER_PRUNED
from alphapanda.retention.pruning import MayNotBePruned, prune_batch, prune_tables
from alphapanda.retention.rules import RULES, Rule, midnight
from alphapanda.retention.tests.conftest import EVENING
from market.models import Candle, KeptHistory, Recording
from market.subscriptions import subscribe_instrument
from portfolio.models import PnlSnapshot
from tests.stories.pipeline import DAY
from trading.models import DayOpening, Evaluation, PriceBand, RateWindow, RememberedRequest, Signal

OURS = ("alerts", "clock", "journal", "instruments", "market", "portfolio", "trading")
DAYS_30 = midnight(DAY - timedelta(days=30))
MOMENT = timedelta(microseconds=1)


def prune():
    pruned = prune_tables(RULES)
    assert pruned.is_whole
    return pruned.rows


def test_every_table_has_a_rule_or_a_reason_to_be_kept_and_only_one():
    ruled = [rule.table for rule in RULES]
    kept = [table for each in KEPT for table in each.tables]
    models = [model for app in OURS for model in apps.get_app_config(app).get_models(include_auto_created=True)]
    assert sorted([*ruled, *kept]) == sorted([*(model._meta.db_table for model in models), "django_session"])


def test_books_orders_decisions_and_events_are_on_the_list_of_what_is_never_pruned():
    assert {
        "portfolio_trade", "portfolio_ledgerentry", "portfolio_adjustment", "trading_signal", "trading_riskdecision",
        "trading_order", "trading_ordertransition", "trading_fill", "trading_gate", "journal_event",
        "trading_runinput", "trading_history",
    } <= NEVER_PRUNED  # fmt: skip
    assert not NEVER_PRUNED & {rule.table for rule in RULES}


class SignalRule(Rule):
    """What nobody may write."""

    model, title, words = Signal, "Signals", "no day"

    def heaps(self):
        return [Signal.objects.all()]


def test_a_rule_for_what_is_kept_for_good_is_refused_before_a_row_goes(kept):
    with pytest.raises(MayNotBePruned):
        prune_batch(SignalRule(), Signal.objects.all())


def test_an_event_can_be_removed_by_nobody(db):
    event = record_event("calendar.loaded", key="x", payload={})
    with pytest.raises(DatabaseError, match="append-only"), transaction.atomic():
        Event.objects.filter(pk=event.pk).delete()
    assert Event.objects.filter(pk=event.pk).exists()


def test_a_wait_goes_once_its_days_are_over_and_not_a_moment_sooner(kept):
    kept.evaluation(DAYS_30 - MOMENT)
    first = kept.evaluation(DAYS_30)
    assert prune()["trading_evaluation"] == 1
    assert list(Evaluation.objects.all()) == [first]


def test_waits_of_a_day_that_can_be_run_again_stay_however_old(kept):
    day = DAY - timedelta(days=60)
    DayOpening.objects.create(shard=kept.pipeline.shard, day=day, epoch=1, n=1, memory={})
    kept.evaluation(kept.ago(61))
    wait = kept.evaluation(kept.ago(60))
    assert prune()["trading_evaluation"] == 1
    assert list(Evaluation.objects.all()) == [wait]


def test_one_minute_candles_go_where_nobody_trades_the_instrument(kept):
    subscribe_instrument(kept.pipeline.feed, kept.tcs, "full", ref="watchlist")
    kept.candle(kept.tcs, DAYS_30 - MOMENT)
    first = kept.candle(kept.tcs, DAYS_30)
    assert prune()["market_candle"] == 1
    assert list(Candle.objects.all()) == [first]


def test_longer_candles_stay(kept):
    kept.candle(kept.tcs, kept.ago(90), interval=5)
    kept.candle(kept.tcs, kept.ago(90), interval=1440)
    assert prune()["market_candle"] == 0


def test_candles_of_what_a_deployment_has_stay_for_backtests(kept):
    kept.candle(kept.pipeline.infy, kept.ago(90))
    assert prune()["market_candle"] == 0


def test_candles_of_what_was_traded_once_stay_though_no_deployment_has_it(kept):
    kept.pipeline.infy.deployment_set.clear()
    Signal.objects.create(
        key="by hand", account=kept.pipeline.account, instrument=kept.pipeline.infy, kind="enter", side="BUY",
        quantity=1, order_type="MARKET", product="MIS", ordinal=1, reason="x", market_time=EVENING, send_by=EVENING,
    )  # fmt: skip
    kept.candle(kept.pipeline.infy, kept.ago(90))
    assert prune()["market_candle"] == 0


def test_history_that_went_counts_as_kept_no_longer(kept):
    infy, tcs = kept.pipeline.infy, kept.tcs
    for instrument, interval in ((infy, 1), (tcs, 1), (tcs, 5)):
        KeptHistory.objects.create(instrument=instrument, interval=interval, since=kept.ago(60), until=kept.ago(1))
        kept.candle(instrument, kept.ago(50), interval)
    prune()
    since = dict(KeptHistory.objects.filter(instrument=tcs).values_list("interval", "since"))
    assert since == {1: DAYS_30, 5: kept.ago(60)}
    assert KeptHistory.objects.get(instrument=infy).since == kept.ago(60)


def test_history_that_went_whole_is_not_kept_at_all(kept):
    KeptHistory.objects.create(instrument=kept.tcs, interval=1, since=kept.ago(60), until=kept.ago(40))
    kept.candle(kept.tcs, kept.ago(50))
    prune()
    assert not KeptHistory.objects.exists()


def test_of_an_old_day_the_last_known_profit_stays(kept):
    old = DAY - timedelta(days=91)
    at = midnight(old) + timedelta(hours=10)
    kept.snapshot(at, "5")
    known = kept.snapshot(at + timedelta(minutes=1), "7")
    kept.snapshot(at + timedelta(minutes=2), None)
    recent = [kept.snapshot(kept.ago(90), "1"), kept.snapshot(kept.ago(90, "10:01:00"), "2")]
    assert prune()["portfolio_pnlsnapshot"] == 2
    assert set(PnlSnapshot.objects.all()) == {known, *recent}
    assert prune()["portfolio_pnlsnapshot"] == 0


def test_of_an_old_day_nobody_knew_anything_of_the_last_moment_stays(kept):
    kept.snapshot(kept.ago(100), None)
    last = kept.snapshot(kept.ago(100, "10:01:00"), None)
    prune()
    assert list(PnlSnapshot.objects.all()) == [last]


def test_a_band_goes_once_its_days_are_over(kept):
    for days in (31, 30):
        PriceBand.objects.create(
            instrument=kept.tcs, day=DAY - timedelta(days=days), low=1, high=2, told_at=kept.ago(days)
        )
    prune()
    assert [band.day for band in PriceBand.objects.all()] == [DAY - timedelta(days=30)]


def test_a_remembered_request_goes_after_the_week_the_api_promises(kept):
    user = get_user_model().objects.create_user("mehta")
    rows = [RememberedRequest.objects.create(user=user, key=key, fingerprint="x") for key in ("old", "new")]
    RememberedRequest.objects.filter(pk=rows[0].pk).update(created_at=wall_now() - timedelta(days=7, seconds=1))
    prune()
    assert list(RememberedRequest.objects.all()) == [rows[1]]


def test_rates_of_last_week_and_ended_sign_ins_go(kept):
    for starts_at in (EVENING - timedelta(days=8), EVENING):
        RateWindow.objects.create(account=kept.pipeline.account, span="day", starts_at=starts_at, count=1)
    for key, days in (("ended", -1), ("standing", 1)):
        Session.objects.create(session_key=key, session_data="", expire_date=wall_now() + timedelta(days=days))
    prune()
    assert [row.starts_at for row in RateWindow.objects.all()] == [EVENING]
    assert [row.session_key for row in Session.objects.all()] == ["standing"]


def recording(kept, tmp_path, days):
    day = DAY - timedelta(days=days)
    path = tmp_path / f"{day}.aprec"
    path.write_bytes(b"APREC001")
    return Recording.objects.create(feed=kept.pipeline.feed, day=day, path=str(path))


def test_a_recording_goes_with_its_file(kept, tmp_path):
    recording(kept, tmp_path, 8)
    new = recording(kept, tmp_path, 7)
    assert prune()["market_recording"] == 1
    assert list(Recording.objects.all()) == [new]
    assert [str(path) for path in tmp_path.glob("*.aprec")] == [new.path]


def test_a_recording_whose_file_cannot_be_removed_stays_known(kept, tmp_path):
    row = recording(kept, tmp_path, 8)
    Recording.objects.filter(pk=row.pk).update(path="/a/folder/of/another/machine/x.aprec")
    assert prune()["market_recording"] == 0
    assert Recording.objects.exists()
