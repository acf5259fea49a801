"""Book what expired, and let the runs that held it hear of it."""

from uuid import UUID

from django.db import transaction

from alphapanda.core.clock import market_now
from portfolio.expiries import book_expiry, ready_to_book
from portfolio.models import Position, Trade
from trading.models import Run, RunInput


def book_expiries(account_id: UUID | str) -> None:
    """Drain one account: close what it holds in expired contracts whose final price is known, each by itself."""
    for position in ready_to_book(market_now()):
        if str(position.portfolio.account_id) == str(account_id):
            _book(position)


@transaction.atomic
def _book(position: Position) -> None:
    trade = book_expiry(position.pk, position.portfolio.account_id)
    if trade is not None:
        _notify_run(trade)


def _notify_run(trade: Trade) -> None:
    """Let the run hear that its position is gone: never as a fill of something it asked for."""
    run = Run.objects.filter(deployment=trade.portfolio.deployment_id, ended_at__isnull=True).first()
    if run is None or trade.portfolio.deployment_id is None:
        return
    payload = {
        "instrument": trade.instrument.key,
        "signed_quantity": trade.signed_quantity,
        "price": str(trade.price),
        "at": trade.traded_at.isoformat(),
    }
    RunInput.objects.get_or_create(run=run, kind="expired", ref=str(trade.pk), defaults={"payload": payload})
