"""How each day ended: its last known net, by portfolio."""

from __future__ import annotations

from collections.abc import Collection
from datetime import date
from decimal import Decimal
from uuid import UUID

from django.db.models import OuterRef, Subquery

from alphapanda.dashboard.panels.context import EXCHANGE, MAIN_CLASS
from instruments.models import TradingSession
from portfolio.models import PnlSnapshot

NetsByDay = dict[date, Decimal]


def nets_of_days(portfolios: Collection[UUID], first: date, before: date) -> dict[UUID, NetsByDay]:
    """Return the last known net of each day from ``first`` until the one before ``before``, oldest first.

    One statement that looks up one row a day and portfolio: a minute of snapshots each would be a year of them.
    """
    days = TradingSession.objects.filter(
        exchange=EXCHANGE, security_class=MAIN_CLASS, day__gte=first, day__lt=before
    ).order_by("day")
    columns = {f"net_{nth}": last_net(portfolio) for nth, portfolio in enumerate(portfolios)}
    found: dict[UUID, NetsByDay] = {portfolio: {} for portfolio in portfolios}
    for day, *nets in days.annotate(**columns).values_list("day", *columns):
        for portfolio, net in zip(portfolios, nets, strict=True):
            if net is not None:
                found[portfolio][day] = net
    return found


def last_net(portfolio: UUID) -> Subquery:
    known = PnlSnapshot.objects.filter(portfolio=portfolio, day=OuterRef("day"), net__isnull=False)
    return Subquery(known.order_by("-at").values("net")[:1])
