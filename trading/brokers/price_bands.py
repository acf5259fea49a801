"""The day's circuit bands, which the ticker does not carry: asked of the broker, and asked again as they may widen."""

from datetime import datetime, time, timedelta

import structlog
from django.db.models import Exists, OuterRef, QuerySet

from alphapanda.core.timezone import IST
from instruments.models import Instrument
from market.models import Feed
from trading import wakeups
from trading.brokers.data_port import Band, MarketData
from trading.models import BrokerSession, Deployment, PriceBand
from trading.orders.life_cycle import DeploymentState

# Before the pre-open session begins, a quote still tells the bands of the day before.
TOLD_FROM = time(9, 0)
# Shares with derivatives have no fixed band: the exchange widens theirs as they move.
GOOD_FOR = timedelta(minutes=15)
log = structlog.get_logger()


def wake_for_bands(now: datetime) -> int:
    """Ask each data account's broker worker for the bands its deployments lack. Returns how many were asked."""
    if not _are_told(now):
        return 0
    accounts = [name for name in data_accounts() if instruments_lacking_bands(name, now).exists()]
    for account in accounts:
        wakeups.wake_stage(wakeups.BANDS, account, f"broker.{account}")
    return len(accounts)


def data_accounts() -> QuerySet[Feed, str]:
    """Return the names of those that carry prices and are logged in."""
    logins = BrokerSession.objects.filter(account__name=OuterRef("data_account"), state=BrokerSession.State.LIVE)
    feeds = Feed.objects.filter(Exists(logins), is_active=True)
    return feeds.order_by("data_account").values_list("data_account", flat=True).distinct()


def instruments_lacking_bands(account: str, now: datetime) -> QuerySet[Instrument]:
    """What deployments on this data account's feeds may trade today and no fresh band is known of."""
    deployments = Deployment.objects.exclude(state=DeploymentState.STOPPED).filter(shard__feed__data_account=account)
    day = now.astimezone(IST).date()
    known = PriceBand.objects.filter(instrument=OuterRef("pk"), day=day, told_at__gt=now - GOOD_FOR)
    traded = Exists(deployments.filter(instruments=OuterRef("pk")))
    return Instrument.objects.listed().exclude(segment="INDICES").filter(traded, ~Exists(known))


def fetch_bands(data: MarketData, instruments: list[Instrument], now: datetime) -> int:
    """Keep the bands the broker tells of these instruments; returns how many. Indices have none."""
    tradable = [instrument for instrument in instruments if not instrument.is_index] if _are_told(now) else []
    bands = data.fetch_bands([instrument.key for instrument in tradable]) if tradable else {}
    for instrument in tradable:
        if band := bands.get(instrument.key):
            _keep(instrument, band, now)
    if len(bands) < len(tradable):
        log.warning("bands_missing", asked=len(tradable), told=len(bands))
    return len(bands)


def _are_told(now: datetime) -> bool:
    return now.astimezone(IST).time() >= TOLD_FROM


def _keep(instrument: Instrument, band: Band, now: datetime) -> None:
    PriceBand.objects.update_or_create(
        instrument=instrument,
        day=now.astimezone(IST).date(),
        defaults={"low": band.low, "high": band.high, "told_at": now},
    )
