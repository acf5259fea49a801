"""How much of each limit an account, or one of its deployments, uses now."""

from datetime import datetime
from uuid import UUID

from portfolio.models import Account
from trading.models import Deployment, RiskLimit
from trading.risk.exposure import load_state
from trading.risk.inputs import Usage
from trading.risk.market_view import as_limits, own_limits
from trading.risk.marks import Marks
from trading.risk.meters import Meter, scope_meters


def account_meters(account: Account, now: datetime) -> list[Meter]:
    """Return the account's meters. A sum with an unknown price in it is unknown."""
    limits = as_limits(RiskLimit.objects.filter(account=account, deployment__isnull=True).first())
    return list(scope_meters("account", _used(account, None, now), limits))


def deployment_meters(deployment: Deployment, now: datetime) -> list[Meter]:
    """Return the deployment's own meters, judged on its own portfolio."""
    portfolio = deployment.account.portfolios.filter(deployment_id=deployment.pk).first()
    used = _used(deployment.account, portfolio.pk, now) if portfolio else Usage()
    return list(scope_meters("deployment", used, own_limits(deployment)))


def _used(account: Account, portfolio_id: UUID | None, now: datetime) -> Usage:
    return load_state(account, Marks.for_account(account.pk, now), now).usage(portfolio_id)
