"""A live account that rehearses in the demo: real broker code, kitesim as the broker, and no money anywhere."""

from decimal import Decimal
from pathlib import Path

from alphapanda.runner.processes import broker_key, worker_child
from alphapanda.runner.supervisor import Child
from portfolio.booking import open_account
from portfolio.models import Account
from trading.models import RiskLimit
from trading.orders import gates

NAME = "Rehearsal"
OPENING_CASH = Decimal(10_00_000)
# A user of kitesim's own beside the data account's, whose orders and positions are nobody else's.
KEYS = {"KITE_API_KEY_REHEARSAL": "rehearsal", "KITE_API_SECRET_REHEARSAL": "rehearsal-secret"}


def secrets(folder: Path) -> dict[str, str]:
    """What only this account's own processes may know."""
    return {**KEYS, "BROKER_KEY_REHEARSAL": broker_key(folder, "rehearsal_key")}


def workers(folder: Path) -> tuple[Child, ...]:
    """Exits have a worker to themselves: an entry that waits for its answer must never hold one."""
    own = secrets(folder)
    return (
        worker_child("exits", f"exits.{NAME}", own),
        worker_child("orders", f"orders.{NAME},broker.{NAME}", own),
    )


def set_up_account() -> Account:
    """Open the account with the limits that arming asks for, unless that was done before. It begins unarmed."""
    existing = Account.objects.filter(name=NAME).first()
    if existing:
        return existing
    account = open_account(NAME, "live", "zerodha", OPENING_CASH)
    RiskLimit.objects.create(
        account=account,
        max_order_value=Decimal(2_50_000),
        max_position=1_000,
        max_orders_minute=30,
        max_orders_day=500,
        max_daily_loss=Decimal(20_000),
        # A practice clock that runs faster makes every wait longer in market time.
        max_quote_age_seconds=30,
    )
    gates.ensure_gates()
    return account
