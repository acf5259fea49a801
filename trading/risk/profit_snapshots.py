"""Write down each minute of market time how every portfolio stands."""

from alphapanda.core.clock import market_now
from portfolio.models import Account, PnlSnapshot
from portfolio.snapshots import take_snapshots
from trading.risk.marks import Marks
from trading.run.sessions import is_trading_time


def snapshot_account(account: Account) -> list[PnlSnapshot]:
    """Take this minute's snapshot, if the market is open and nobody has taken it yet."""
    now = market_now()
    if not is_trading_time(now):
        return []
    minute = now.replace(second=0, microsecond=0)
    if PnlSnapshot.objects.filter(portfolio__account=account, at=minute).exists():
        return []
    return take_snapshots(account, minute, Marks.for_account(account.pk, now).prices)
