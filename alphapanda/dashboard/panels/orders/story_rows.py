"""Every row that tells of one order, read once; and whose each step of it is."""

from uuid import UUID

from alphapanda.core.journal.models import Event
from alphapanda.dashboard.panels.context import PageContext
from alphapanda.dashboard.panels.orders.round_trip import round_trips_of
from alphapanda.dashboard.panels.orders.rows import WITH
from portfolio.models import LedgerEntry
from trading.models import Fill, Order

OURS, BROKER, EXCHANGE = "ours", "broker", "exchange"
# What happened to an order without moving it to another state.
BESIDE = ("order.modify_requested", "order.modified", "order.cancel_requested", "order.awaits_trades")


class Story:
    """Every row that tells of one order, read once."""

    def __init__(self, order_id: UUID) -> None:
        self.page = PageContext()
        self.order: Order = Order.objects.select_related(*WITH, "signal__run", "signal__decision").get(pk=order_id)
        self.signal = self.order.signal
        self.transitions = list(self.order.transitions.all())
        events = Event.objects.filter(correlation=self.order.signal_id, key=self.order.tag, kind__in=BESIDE)
        self.events = list(events.order_by("written_at"))
        self.fills: list[Fill] = list(self.order.fills.select_related("trade", "order__signal"))
        trades = [fill.trade_id for fill in self.fills]
        self.trips = round_trips_of(trades)
        self.entries = list(LedgerEntry.objects.filter(trade__in=trades).order_by("at", "id"))

    @property
    def is_paper(self) -> bool:
        return self.order.account.broker == "paper"

    @property
    def broker(self) -> str:
        return "Paper exchange" if self.is_paper else "Zerodha"

    @property
    def exchange(self) -> str:
        return "Paper exchange" if self.is_paper else self.order.instrument.exchange

    @property
    def accepted_by(self) -> str:
        """On paper there is no broker between us and the exchange."""
        return EXCHANGE if self.is_paper else BROKER
