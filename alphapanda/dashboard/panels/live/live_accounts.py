"""The accounts that send real orders: armed for today or not, and all that keeps one from it."""

from __future__ import annotations

from typing import TypedDict

from django.db.models import Q, QuerySet
from django.urls import reverse

from alphapanda.core import roles
from alphapanda.core.figures import clock_minute
from alphapanda.core.timezone import day_of
from alphapanda.dashboard.panels.ages import Age, read_now
from alphapanda.dashboard.panels.context import PageContext
from market.models import Feed
from portfolio.models import Account
from trading.models import Arming, RiskLimit
from trading.orders.arming import what_lacks


class LiveAccountRow(TypedDict):
    """``arm`` and ``disarm`` are where its button asks; one of the two is there, or neither while much lacks."""

    key: str
    name: str
    icon: str
    tone: str
    words: str
    arm: str | None
    disarm: str | None
    needs: str


class LiveAccountsPanel(TypedDict):
    age: Age
    rows: list[LiveAccountRow]


def live_accounts_panel(page: PageContext) -> LiveAccountsPanel:
    today = Arming.objects.filter(day=day_of(page.now), ended_at__isnull=True)
    armed = {arming.account_id: arming for arming in today}
    rows = [account_row(page, account, armed.get(account.pk)) for account in accounts_that_trade()]
    return {"age": read_now(page), "rows": rows}


def accounts_that_trade() -> QuerySet[Account]:
    """Return the live ones, but for those that only carry prices: a feed's, for which nobody has set a limit."""
    carries = Q(name__in=Feed.objects.values("data_account"))
    limited = Q(pk__in=RiskLimit.objects.filter(deployment__isnull=True).values("account"))
    live = Account.objects.filter(mode=Account.Mode.LIVE, is_active=True)
    return live.exclude(carries & ~limited).order_by("name")


def account_row(page: PageContext, account: Account, arming: Arming | None) -> LiveAccountRow:
    lacking = what_lacks(account, page.now)
    words = "; ".join(lacking)
    if arming:
        since = f"armed by {arming.armed_by} at {clock_minute(arming.armed_at)}, until the day ends"
        words = f"{since}; no new risk now: {words}" if lacking else since
    elif not lacking:
        words = "not armed: it opens no new risk; exits and stops work"
    is_fit = arming is not None and not lacking
    return {
        "key": str(account.pk),
        "name": account.name,
        "icon": "live" if is_fit else "warn" if lacking else "bar",
        "tone": "warn" if lacking else "",
        "words": words,
        "arm": None if arming or lacking else act_of(account, "arm"),
        "disarm": act_of(account, "disarm") if arming else None,
        "needs": roles.needs("arming", "disarm" if arming else "arm", account.pk),
    }


def act_of(account: Account, act: str) -> str:
    return reverse("dashboard:arming", args=[account.pk, act])
