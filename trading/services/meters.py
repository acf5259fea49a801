"""How much of each limit an account, or one of its deployments, uses now."""

from datetime import datetime
from decimal import Decimal

from portfolio.models import Account, Position
from trading.domain.risk_meters import Meter, scope_meters
from trading.models import Deployment, Order, RiskLimit
from trading.services.exposure import usage
from trading.services.market_view import as_limits, own_limits
from trading.services.marks import Marks

WARNING = Decimal("0.8")


def account_meters(account: Account, now: datetime) -> list[Meter]:
    """Return the account's meters. A sum with an unknown price in it is unknown."""
    limits = as_limits(RiskLimit.objects.filter(account=account, deployment__isnull=True).first())
    positions = list(Position.objects.open().of_account(account.pk).select_related("instrument"))
    live = list(Order.objects.live().filter(account=account))
    used = usage(account, None, positions, live, _marks(positions, now), now)
    return list(scope_meters("account", used, limits, WARNING))


def deployment_meters(deployment: Deployment, now: datetime) -> list[Meter]:
    """Return the deployment's own meters, judged on its own portfolio."""
    held = Position.objects.open().filter(portfolio__deployment_id=deployment.pk)
    positions = list(held.select_related("instrument"))
    live = list(Order.objects.live().filter(deployment=deployment))
    used = usage(deployment.account, deployment, positions, live, _marks(positions, now), now)
    return list(scope_meters("deployment", used, own_limits(deployment), WARNING))


def _marks(positions: list[Position], now: datetime) -> Marks:
    return Marks.of({position.instrument_id: position.instrument for position in positions}.values(), now)
