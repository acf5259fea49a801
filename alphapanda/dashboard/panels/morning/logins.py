"""Each Kite account's login: until when it holds, what is wrong with it, and the next step."""

from __future__ import annotations

from datetime import datetime
from typing import NamedTuple, TypedDict

from django.urls import reverse

from alphapanda.core import roles
from alphapanda.core.figures import clock_minute, iso, left, weekday_date
from alphapanda.core.journal.models import Event
from alphapanda.dashboard.panels.ages import Age, read_now
from alphapanda.dashboard.panels.context import PageContext
from alphapanda.dashboard.panels.shell import CommonFacts, common_facts
from market.domain.staleness import Liveness
from market.models import Feed
from portfolio.models import Account
from trading.brokers.standing import ADDRESS
from trading.logins import REFUSED
from trading.models import BrokerSession, BrokerStanding
from trading.orders.life_cycle import BrokerState

LIVE, LOGGED_OUT = BrokerSession.State.LIVE, BrokerSession.State.LOGGED_OUT
# What the ticker says of a login it does not take.
NOT_TAKEN = "403"
AGAIN = "Log in again."
ONLY_HERE = "Log in again here, and nowhere else with this app: each login ends the one before it."
ON_A_MACHINE = "kite_login on the machine works too."


class Said(NamedTuple):
    """How a login stands: a mark, a sentence, and what to do next."""

    icon: str
    tone: str
    words: str
    step: str


class LoginRow(TypedDict):
    key: str
    name: str
    icon: str
    tone: str
    words: str
    step: str
    until: str | None  # when the token ends, while it holds
    left: str
    refused: str  # why the last login was not taken, if none has been since
    begin: str
    paste: str
    needs: str


class LoginsSnapshot(CommonFacts):
    age: Age
    rows: list[LoginRow]
    empty: str


class Facts(NamedTuple):
    """What is known of an account's login."""

    session: BrokerSession | None
    ended: str  # why the session ended
    address: str  # the broker's words, if it takes no orders from our address
    feed: str  # what its feed says of its login, if that carries prices and is dead
    now: datetime


def logins_snapshot() -> LoginsSnapshot:
    page = PageContext()
    accounts = Account.objects.active().filter(broker=Account.Broker.ZERODHA).order_by("name")
    rows = [login_row(page, account) for account in accounts]
    return {
        **common_facts(page),
        "age": read_now(page),
        "rows": rows,
        "empty": "" if rows else "No account is at Kite: nobody has to log in.",
    }


def login_row(page: PageContext, account: Account) -> LoginRow:
    facts = facts_of(page, account)
    said = how_it_stands(facts)
    session = facts.session
    holds = session and session.state == LIVE and session.expires_at and session.expires_at > page.now
    return {
        "key": str(account.pk),
        "name": account.name,
        **said._asdict(),  # type: ignore[typeddict-item]
        "until": iso(session.expires_at) if session and holds else None,
        "left": left(session.expires_at - page.now) if session and session.expires_at and holds else "",
        "refused": refused_words(account, session),
        "begin": reverse("dashboard:login_act", args=[account.pk, "begin"]),
        "paste": reverse("dashboard:login_act", args=[account.pk, "paste"]),
        "needs": roles.needs("login_act", "begin", account.pk),
    }


def facts_of(page: PageContext, account: Account) -> Facts:
    stopped = BrokerStanding.objects.filter(account=account, code=ADDRESS).exclude(state=BrokerState.NORMAL).first()
    ended = Event.objects.filter(kind="session.ended", account_id=account.pk).order_by("-written_at").first()
    return Facts(
        session=BrokerSession.objects.filter(account=account).first(),
        ended=ended.payload.get("reason", "") if ended else "",
        address=stopped.reason if stopped else "",
        feed=feed_refusal(page, account),
        now=page.now,
    )


def feed_refusal(page: PageContext, account: Account) -> str:
    names = Feed.objects.filter(is_active=True, data_account=account.name).values_list("name", flat=True)
    states = [state for name in names if (state := (page.feeds or {}).get(name))]
    return next((state.reason for state in states if state.state == Liveness.DEAD and NOT_TAKEN in state.reason), "")


def how_it_stands(facts: Facts) -> Said:
    """The worst first: a login is no use while its token, its address or its plan is not taken."""
    session = facts.session
    if session is not None and session.request_token:
        return Said("loading", "", "Kite's answer is here; the account's broker process exchanges it.", ON_A_MACHINE)
    if session is None or session.login_at is None:
        return Said("unknown", "warn", "Nobody has logged in yet.", "Log in.")
    if session.state != LIVE or (session.expires_at and session.expires_at <= facts.now):
        return how_it_ended(session, facts)
    if facts.address:
        step = "Register this machine's address with the app at developers.kite.trade, then run allow_orders."
        return Said("cross", "fault", f"Logged in, but {facts.address}.", step)
    if facts.feed:
        step = "Look whether the app's plan has market data (Connect, not Personal); if it has, log in again."
        return Said("cross", "fault", f"Logged in, but no prices come: {facts.feed}.", step)
    return Said("live", "", f"Logged in as {session.user_id} since {clock_minute(session.login_at)}.", "")


def how_it_ended(session: BrokerSession, facts: Facts) -> Said:
    """Kite ends a token at 06:00; before that, another login with the app or a revocation ended it."""
    if session.state == LOGGED_OUT:
        return Said("bar", "warn", "Logged out here.", AGAIN)
    at = f"{clock_minute(session.expires_at)} on {weekday_date(session.expires_at)}"
    if session.expires_at and session.expires_at <= facts.now:
        return Said("dead", "fault", f"The token ended at {at}, as each does.", AGAIN)
    why = facts.ended or "Kite no longer takes it"
    words = f"The token ended before its time ({why}): somebody logged in elsewhere, or it was revoked."
    return Said("dead", "fault", words, ONLY_HERE)


def refused_words(account: Account, session: BrokerSession | None) -> str:
    refused = Event.objects.filter(kind=REFUSED, account_id=account.pk)
    if session and session.login_at:
        refused = refused.filter(market_time__gt=session.login_at)
    last = refused.order_by("-written_at").first()
    if last is None:
        return ""
    return f"The login of {clock_minute(last.market_time)} was not taken: {last.payload.get('reason', '')}."
