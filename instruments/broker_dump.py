"""Fetches today's dump from the broker, through the one callable that settings name."""

from collections.abc import Callable, Sequence

from django.conf import settings
from django.utils.module_loading import import_string

from alphapanda.core.clock import market_now
from alphapanda.core.timezone import IST
from instruments import sync
from instruments.dumps import DumpSource, Progress, from_bytes
from instruments.reports import LoadReport

Fetch = Callable[[str | None], bytes]


def fetch_dumps(exchanges: Sequence[str]) -> list[DumpSource]:
    """Return the broker's dump of each exchange, or, of none, the whole one. The fetcher's errors pass through."""
    fetch: Fetch = import_string(settings.INSTRUMENT_SOURCE)
    if not exchanges:
        return [from_bytes("broker's dump", fetch(None))]
    return [from_bytes(f"broker's dump of {exchange}", fetch(exchange)) for exchange in exchanges]


def load_from_broker(
    exchanges: Sequence[str] = (),
    *,
    accept_losses: bool = False,
    dry_run: bool = False,
    progress: Progress | None = None,
) -> LoadReport:
    """Fetch outside the transaction, then load as today's. Raises what the fetcher raises, and LoadRefused."""
    return sync.load_dumps(
        fetch_dumps(exchanges),
        day=market_now().astimezone(IST).date(),
        exchanges=exchanges,
        is_whole=not exchanges,
        accept_losses=accept_losses,
        dry_run=dry_run,
        progress=progress,
    )
