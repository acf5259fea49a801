"""Whether an account is flat, by its broker's own book read after its last trade: what the kill switch ends with."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime

from alphapanda.core.figures import clock_time, counted, signed_whole
from portfolio.models import Account, Position
from trading.models import BookDifference, BookReading, Order, SeenOrder, SeenTrade


@dataclass(frozen=True, slots=True)
class Flatness:
    """``is_flat`` None: nothing proves it yet. ``read_at`` is the market time of the book that does."""

    is_flat: bool | None
    words: str
    read_at: datetime | None = None


def flatness_of(account: Account, now: datetime, since: datetime | None = None) -> Flatness:
    """Say what stands: of a paper account its books are the exchange's; a live one's broker must have said it since.

    What is out may still open something, so nobody is flat while anything is. ``now`` is market time; ``since`` wall
    time: a book read before it proves nothing.
    """
    held = Position.objects.open().of_account(account.pk).count()
    out = Order.objects.live().filter(account=account).count()
    out += SeenOrder.objects.strangers(now).filter(account=account).count()
    here = [f"{counted(held, 'position')} held"] * bool(held) + [f"{counted(out, 'order')} out"] * bool(out)
    if account.mode == Account.Mode.PAPER:
        return Flatness(not here, ", ".join(here) or "flat")
    compared = BookReading.objects.filter(account=account, is_compared=True).order_by("-began_at")
    reading = (compared.filter(began_at__gt=since) if since else compared).first()
    if reading is None or SeenTrade.objects.filter(account=account, seen_at__gt=reading.began_at).exists():
        return Flatness(None, "its broker's positions have not been read since")
    said = [*here, *_theirs(account)]
    words = f"{', '.join(said)}, by" if said else "flat by"
    return Flatness(not said, f"{words} its broker's book of {clock_time(reading.market_time)}", reading.market_time)


def _theirs(account: Account) -> list[str]:
    """What the broker holds that our books do not say; what both say is counted as held."""
    differ = BookDifference.objects.filter(account=account).exclude(quantity=0).order_by("tradingsymbol", "product")
    return [f"{row.tradingsymbol} {row.product} {signed_whole(row.theirs)} there" for row in differ]
