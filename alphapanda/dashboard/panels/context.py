"""What every page starts from, read once: the clocks, the day's schedule, the gates, the feeds, the prices."""

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import date, datetime
from functools import cached_property
from typing import TypedDict
from uuid import UUID

import redis
import structlog
from django.conf import settings
from django.db.models import Exists, OuterRef, Q

from alphapanda.core.clock.market_time import current_anchor, market_now, wall_now
from alphapanda.core.figures import iso
from alphapanda.core.telemetry.heartbeats import Process, read_processes
from alphapanda.core.timezone import IST
from instruments.domain.contracts import SecurityClass
from instruments.domain.sessions import DaySchedule
from instruments.models import Instrument, TradingSession
from market.board import quote_board, read_quotes
from market.quotes import FeedState, Quote
from portfolio.models import Account, Trade
from trading.models import Deployment, Gate
from trading.orders.gates import flag_file
from trading.orders.life_cycle import GATE_LABELS, GATE_SEVERITY, GateState, effective_gate
from trading.wakeups import valkey_client

log = structlog.get_logger()
EXCHANGE, MAIN_CLASS = "NSE", SecurityClass.EQUITY_FNO


@dataclass(frozen=True)
class GateView:
    """The strictest gate over an account, and who set it. A missing one counts as halted."""

    state: GateState
    by: str = ""
    reason: str = ""
    at: datetime | None = None
    is_known: bool = True

    @property
    def label(self) -> str:
        return GATE_LABELS[self.state]


class Clock(TypedDict):
    """Both times as this reading has them, and how fast the market's runs."""

    market: str | None
    wall: str | None
    rate: float


class PageContext:
    """One reading of what all pages share. ``now`` is market time; ``wall`` this machine's."""

    def __init__(self) -> None:
        self.now: datetime = market_now()
        self.wall: datetime = wall_now()
        self.is_practice = settings.KIND != "live"
        anchor = current_anchor()
        self.rate: float = anchor.rate if anchor and self.is_practice else 1.0

    @property
    def day(self) -> date:
        return self.now.astimezone(IST).date()

    @property
    def midnight(self) -> datetime:
        return self.now.astimezone(IST).replace(hour=0, minute=0, second=0, microsecond=0)

    @cached_property
    def accounts(self) -> list[Account]:
        """Those that hold or trade something: an account that only carries prices has no figures to show."""
        used = Exists(Trade.objects.filter(account=OuterRef("pk"))) | Exists(
            Deployment.objects.filter(account=OuterRef("pk"))
        )
        return list(Account.objects.active().filter(Q(opening_cash__gt=0) | Q(used)))

    @cached_property
    def schedule(self) -> DaySchedule:
        return TradingSession.objects.schedule(EXCHANGE, MAIN_CLASS, self.day)

    @cached_property
    def next_day(self) -> DaySchedule | None:
        """The next day with a session, as far as the calendar reaches."""
        day = TradingSession.objects.next_trading_day(EXCHANGE, MAIN_CLASS, self.day)
        return TradingSession.objects.schedule(EXCHANGE, MAIN_CLASS, day) if day else None

    @property
    def is_open(self) -> bool:
        return self.schedule.is_continuous(self.now)

    @cached_property
    def gates(self) -> dict[UUID | None, Gate]:
        return {gate.account_id: gate for gate in Gate.objects.all()}

    def gate_of(self, account_id: UUID | None = None) -> GateView:
        """Return the stricter of the global gate and the account's; no row or a flag file means halted."""
        is_flagged = flag_file().exists()
        rows = [self.gates.get(None)] + ([self.gates.get(account_id)] if account_id else [])
        state = effective_gate(*(GateState(row.state) if row else None for row in rows), flag_raised=is_flagged)
        halted_by_row = any(row and row.state == GateState.HALTED for row in rows)
        if is_flagged and not halted_by_row:  # a halt from a page or REST writes both, and its row says whose it is
            return GateView(state, by="the flag file", reason="HALT stands in the state folder")
        if None in rows:
            return GateView(state, reason="the gate's state is not known", is_known=False)
        decisive = next(row for row in rows if row and row.state == state)
        return GateView(state, decisive.changed_by, decisive.reason, decisive.changed_at)

    @property
    def worst_gate(self) -> GateView:
        """The strictest gate anywhere: what the header warns of."""
        views = [self.gate_of(account.pk) for account in self.accounts] or [self.gate_of()]
        return max(views, key=lambda view: GATE_SEVERITY[view.state])

    def mode_of(self, account: Account) -> str:
        """Whose money: practice if the market itself is simulated, else the account's own mode."""
        return "practice" if self.is_practice else account.mode

    @cached_property
    def feeds(self) -> dict[str, FeedState] | None:
        """None when the quote board cannot be reached: then nothing is known of prices."""
        try:
            return quote_board().feed_states()
        except redis.RedisError as error:
            log.warning("quote_board_unreachable", error=repr(error))
            return None

    @cached_property
    def processes(self) -> list[Process] | None:
        """Every process heard of within a day; None when Valkey cannot be asked."""
        try:
            return read_processes(valkey_client(), self.wall)
        except redis.RedisError as error:
            log.warning("processes_not_read", error=repr(error))
            return None

    def quotes(self, instruments: Iterable[Instrument]) -> dict[UUID, Quote]:
        """Return quotes by instrument id, judged by the limits of each one's class."""
        return read_quotes(instruments, self.now)

    def clock(self) -> Clock:
        return {"market": iso(self.now), "wall": iso(self.wall), "rate": self.rate}
