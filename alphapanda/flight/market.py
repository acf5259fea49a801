"""Do we know what trades today and when, and do prices arrive?"""

import urllib.request
from datetime import UTC, date, datetime, timedelta
from email.utils import parsedate_to_datetime

from django.conf import settings

from alphapanda.core.clock import market_now
from alphapanda.core.clock.market_time import current_anchor, wall_now
from alphapanda.core.figures import whole
from alphapanda.core.timezone import IST
from alphapanda.flight.finding import Finding, ok_finding, red_finding, warn_finding, worst_finding
from instruments.domain.contracts import SecurityClass
from instruments.domain.sessions import DaySchedule
from instruments.health import WARN_BEFORE, calendar_ends_on, instrument_problems
from instruments.models import Instrument, TradingSession
from market.board import quote_board
from market.domain.entries import StreamPosition
from market.domain.staleness import Liveness
from market.models import LEASE_SECONDS, Feed, FeedLease, Shard
from market.quotes import FeedState
from market.stream import TickStream
from portfolio.models import Account
from trading import wakeups
from trading.models import BrokerSession
from trading.ticks.lag import entries_behind

LAG_NOTICED, LAG_TOO_MUCH = 50, 500
CLOCK_NOTICED, CLOCK_TOO_MUCH = timedelta(seconds=1), timedelta(seconds=3)
BROKER_ANSWERS_WITHIN = 3.0
CLOCK_STANDS_AFTER = timedelta(seconds=5)


def market_today() -> date:
    return market_now().astimezone(IST).date()


def check_calendar(name: str) -> Finding:
    today = market_today()
    schedule = TradingSession.objects.schedule("NSE", SecurityClass.EQUITY_FNO, today)
    return calendar_reaches(name, schedule, calendar_ends_on())


def calendar_reaches(name: str, schedule: DaySchedule, ends: date | None) -> Finding:
    """Today must be known; a month before the last known day somebody has to hear of it."""
    if not schedule.known or ends is None or ends < schedule.day:
        return red_finding(
            name, f"{schedule.day:%d %b %Y} is not in the calendar, so it counts as closed: run load_calendar"
        )
    today = hours_of(schedule)
    if ends - schedule.day < WARN_BEFORE:
        return warn_finding(name, f"{today}; the calendar ends on {ends:%d %b %Y}: load the next year's")
    return ok_finding(name, f"{today}; known until {ends:%d %b %Y}")


def hours_of(schedule: DaySchedule) -> str:
    if schedule.opens_at is None or schedule.closes_at is None:
        return "NSE is closed today"
    return f"NSE trades {schedule.opens_at.astimezone(IST):%H:%M} to {schedule.closes_at.astimezone(IST):%H:%M} today"


def check_instruments(name: str) -> Finding:
    if problems := instrument_problems(market_today()):
        return red_finding(name, "; ".join(problems))
    return ok_finding(name, f"{whole(Instrument.objects.listed().count())} listed")


def check_sessions(name: str) -> Finding:
    """Every Kite account must be logged in until the next 06:00; without one there are no prices."""
    data_accounts = set(Feed.objects.filter(is_active=True).values_list("data_account", flat=True))
    kite = Account.objects.active().filter(broker=Account.Broker.ZERODHA)
    logins = {row.account_id: row for row in BrokerSession.objects.all()}
    now = market_now()
    found = [
        session_lasts(name, account.name, logins.get(account.pk), now, account.name in data_accounts)
        for account in kite.order_by("name")
    ]
    return worst_finding(found, name, "no account needs a login")


def session_lasts(name: str, account: str, session: BrokerSession | None, now: datetime, carries_data: bool) -> Finding:
    if session is None or session.state != BrokerSession.State.LIVE or session.expires_at is None:
        words = f"{account} is not logged in: run kite_login"
        return (
            red_finding(name, f"{words}; its login carries the prices") if carries_data else warn_finding(name, words)
        )
    if session.expires_at <= now:
        return red_finding(
            name, f"the login of {account} ended at {session.expires_at.astimezone(IST):%H:%M}: run kite_login"
        )
    return ok_finding(name, f"{account} is logged in until {session.expires_at.astimezone(IST):%H:%M on %d %b}")


def check_clock(name: str) -> Finding:
    """In practice the market's time comes with the feed; live it is the wall's."""
    if settings.KIND == "live":
        return ok_finding(name, "the wall's")
    anchor = current_anchor()
    if anchor is None:
        return red_finding(name, "the practice exchange has not told its time: the feed brings it")
    since = wall_now() - anchor.wall_time
    if anchor.rate and since > CLOCK_STANDS_AFTER:
        return red_finding(
            name, f"nobody has told the market's time for {whole(since.total_seconds())} s: it stands still"
        )
    return ok_finding(name, f"{anchor.market_time.astimezone(IST):%d %b %H:%M:%S} IST, {anchor.rate:g}×")


def broker_clock(name: str) -> Finding:
    """Order rates are counted per second of the broker's clock, and the token dies at its 06:00."""
    if settings.KIND != "live":
        return ok_finding(name, "practice: the market's clock is the broker's")
    request = urllib.request.Request(settings.KITE_ROOT, method="HEAD")  # noqa: S310 (an address from the settings)
    with urllib.request.urlopen(request, timeout=BROKER_ANSWERS_WITHIN) as reply:  # noqa: S310
        told = reply.headers.get("Date", "")
    return clock_differs(name, told, wall_now())


def clock_differs(name: str, told: str, now: datetime) -> Finding:
    """``told`` is an HTTP date, cut to the second: up to a second of it is rounding."""
    try:
        difference = abs(now.astimezone(UTC) - parsedate_to_datetime(told))
    except (TypeError, ValueError):
        return warn_finding(name, "the broker's answer carries no date")
    words = f"{difference.total_seconds():.1f} s from the broker's"
    if difference > CLOCK_TOO_MUCH:
        return red_finding(name, f"{words}: set this machine's clock")
    return warn_finding(name, words) if difference > CLOCK_NOTICED + timedelta(seconds=1) else ok_finding(name, words)


def check_feeds(name: str) -> Finding:
    states = quote_board().feed_states()
    leases = {lease.feed_id: lease for lease in FeedLease.objects.all()}
    found = [
        feed_lives(name, feed.name, states.get(feed.name), leases.get(feed.pk))
        for feed in Feed.objects.filter(is_active=True)
    ]
    return worst_finding(found, name, "") if found else red_finding(name, "no feed is set up: add one in the admin")


def feed_lives(name: str, feed: str, state: FeedState | None, lease: FeedLease | None) -> Finding:
    if state is None or state.state == Liveness.DEAD:
        return red_finding(name, f"{feed} is dead: {state.reason if state else 'it has never run'}")
    if lease is None or not lease.holder:
        return red_finding(name, f"{feed} writes without a lease (they last {LEASE_SECONDS} s): two may be running")
    age = "unknown" if state.frame_age_ms is None else f"{state.frame_age_ms / 1000:.1f} s"
    words = f"{feed} is {state.state}, last frame {age} ago, {state.subscribed} instruments, epoch {lease.epoch}"
    return ok_finding(name, words) if state.state == Liveness.LIVE else warn_finding(name, words)


def check_lag(name: str) -> Finding:
    found = []
    for shard in Shard.objects.filter(feed__is_active=True).select_related("feed"):
        written = TickStream(wakeups.valkey_client(), shard.feed_id).last_position()
        found.append(shard_keeps_up(name, shard.name, StreamPosition(shard.epoch, shard.n), written))
    return (
        worst_finding(found, name, "")
        if found
        else warn_finding(name, "no shard is set up: ticks are processed by nobody")
    )


def shard_keeps_up(name: str, shard: str, done: StreamPosition, written: StreamPosition) -> Finding:
    behind = entries_behind(done, written)
    if behind is None:
        return warn_finding(name, f"{shard} stands at {done}; the feed writes {written}, in another epoch")
    words = f"{shard} is {whole(behind)} behind"
    if behind >= LAG_TOO_MUCH:
        return red_finding(name, f"{words}: its worker is slow or gone")
    return warn_finding(name, words) if behind >= LAG_NOTICED else ok_finding(name, words)
