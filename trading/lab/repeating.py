"""Make the engine of an account's day anew from its rows: its runs, what each had learnt, what the account had."""

from __future__ import annotations

from collections import defaultdict
from datetime import date, datetime

from instruments.models import Instrument
from market.board import traded_under
from market.models import Feed, Subscription
from portfolio.models import Account
from trading.lab.building import RunPlan, add_run, granted, make_engine, warm_up
from trading.lab.engine import Engine
from trading.models import Run, RunInput
from trading.run.history import learned_candles
from trading.run.hosts import strategy_class


def engine_of(account: Account, feed: Feed, day: date) -> Engine:
    """Return an engine with the account's opening cash and its runs as they begin, each before its first entry.

    It knows what the feed's subscriptions of now would let it hear on ``day``.
    """
    heard, candles = _subscribed(feed, day)
    engine = make_engine(granted(account.opening_cash, account), heard, candles)
    for run in Run.objects.filter(deployment__account=account).select_related("deployment__strategy"):
        plan = _plan_of(run)
        begun = RunInput.objects.get(run=run, kind="begin")
        live = add_run(engine, plan, datetime.fromisoformat(begun.payload["until"]))
        warm_up(engine, live, learned_candles(begun.payload["history"], {}))
    return engine


def _subscribed(feed: Feed, day: date) -> tuple[dict[int, Instrument], set[int]]:
    wants = defaultdict[Instrument, bool](bool)
    for row in Subscription.objects.filter(feed=feed, instrument__listed=True).select_related("instrument"):
        wants[row.instrument] |= row.wants_candles
    heard = traded_under(wants, day)
    return heard, {token for token, one in heard.items() if wants[one]}


def _plan_of(run: Run) -> RunPlan:
    deployment = run.deployment
    return RunPlan(deployment.name, strategy_class(deployment.strategy.name), run.parameters, run.terms, run.number)
