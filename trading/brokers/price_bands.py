"""The day's circuit bands, which the ticker does not carry: asked of the broker, and asked again as they may widen."""

from datetime import datetime, time, timedelta
from decimal import Decimal
from typing import Any

import structlog
from django.db.models import Exists, OuterRef, QuerySet

from alphapanda.core.timezone import IST
from instruments.models import Instrument
from market.models import Feed
from trading import wakeups
from trading.brokers.zerodha.pace import Pace
from trading.models import BrokerSession, Deployment, PriceBand
from trading.orders.life_cycle import DeploymentState

# Before the pre-open session begins, a quote still tells the bands of the day before.
TOLD_FROM = time(9, 0)
# Shares with derivatives have no fixed band: the exchange widens theirs as they move.
GOOD_FOR = timedelta(minutes=15)
MOST_KEYS = 400  # 500 are allowed, but the address gets too long before that (kite.md, "Quotes")
log = structlog.get_logger()
_pace = Pace(1)  # Kite answers one request for quotes a second (kite.md 2.1)


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


def fetch_bands(client: Any, instruments: list[Instrument], now: datetime) -> int:
    """Keep the bands the broker tells of these instruments; returns how many. Indices have none."""
    tradable = [instrument for instrument in instruments if not instrument.is_index] if _are_told(now) else []
    told = 0
    for at in range(0, len(tradable), MOST_KEYS):
        some = tradable[at : at + MOST_KEYS]
        _pace.wait()
        quotes = client.quote([instrument.key for instrument in some])
        told += sum(_keep(instrument, quotes.get(instrument.key, {}), now) for instrument in some)
    if told < len(tradable):
        log.warning("bands_missing", asked=len(tradable), told=told)
    return told


def _are_told(now: datetime) -> bool:
    return now.astimezone(IST).time() >= TOLD_FROM


def _keep(instrument: Instrument, quote: dict[str, Any], now: datetime) -> bool:
    low, high = quote.get("lower_circuit_limit"), quote.get("upper_circuit_limit")
    if not low or not high:
        return False
    PriceBand.objects.update_or_create(
        instrument=instrument,
        day=now.astimezone(IST).date(),
        defaults={"low": Decimal(str(low)), "high": Decimal(str(high)), "told_at": now},
    )
    return True
