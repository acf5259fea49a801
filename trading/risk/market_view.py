"""What the gate is told of the market and of ourselves at the moment of judging."""

from datetime import date, datetime, time, timedelta
from decimal import Decimal

from alphapanda.core.timezone import IST
from instruments.domain.sessions import DaySchedule
from instruments.models import FreezeQuantity, Instrument, ProtectionStep
from market.board import quote_board, read_quotes
from market.domain.staleness import Liveness
from portfolio.domain.settlement import leave_at
from portfolio.expiries import days_to_leave
from portfolio.models import Account
from trading.models import Deployment, Order, PriceBand, RiskLimit, Signal
from trading.orders import arming, gates
from trading.orders.holdings import TRADES_LATE
from trading.orders.reconciliation import is_frozen
from trading.risk.cut_offs import entries_until, mis_cutoff
from trading.risk.inputs import BrokerView, Limits, MarketView, RiskLimits


def market_view(signal: Signal, now: datetime) -> MarketView:
    instrument, day = signal.instrument, now.astimezone(IST).date()
    schedule = instrument.schedule(day)
    phase = schedule.phase_at(now)
    states = gates.gate_states(signal.account_id)
    band = PriceBand.objects.filter(instrument=instrument, day=day).first()
    feed_state, quote_state = _liveness(instrument, now)
    return MarketView(
        phase=phase.kind if phase else None,
        day_known=schedule.known,
        tradable=instrument.token_on(day) is not None and not instrument.is_index,
        tick_size=instrument.tick_size,
        lot_size=instrument.lot_size,
        freeze_quantity=FreezeQuantity.objects.freeze_for(instrument, day),
        band_low=band.low if band else None,
        band_high=band.high if band else None,
        feed_state=feed_state,
        quote_state=quote_state,
        global_gate=states[0],
        account_gate=states[1],
        flag_file=gates.flag_file().exists(),
        books_frozen=_books_frozen(signal, now),
        broker=_broker_view(signal.account, now),
        mis_cutoff_at=mis_cutoff(schedule, _flat_by(signal)),
        entries_until=_entries_until(signal, schedule, day),
        protection=ProtectionStep.objects.in_force(instrument.segment, day),
    )


def _liveness(instrument: Instrument, now: datetime) -> tuple[Liveness | None, Liveness | None]:
    quote = read_quotes([instrument], now).get(instrument.pk)
    if quote is None:
        return None, None
    return quote_board().feed_state(quote.feed or None).state, quote.state


def _broker_view(account: Account, now: datetime) -> BrokerView | None:
    if account.mode == Account.Mode.PAPER:
        return None
    return BrokerView(arming.why_no_orders(account), arming.is_armed(account.pk, now))


def _books_frozen(signal: Signal, now: datetime) -> bool:
    """A paper account's book is the paper exchange's own: there is no second one to differ from."""
    if signal.account.mode == Account.Mode.LIVE and is_frozen(signal.account, signal.instrument):
        return True
    return _trades_are_missing(signal, now)


def _trades_are_missing(signal: Signal, now: datetime) -> bool:
    """Whether the broker has counted trades of this instrument for long that are not in our books (exits.md 4)."""
    late = Order.objects.awaiting_trades().filter(ended_at__lte=now - TRADES_LATE)
    return late.filter(account_id=signal.account_id, instrument_id=signal.instrument_id).exists()


def _flat_by(signal: Signal) -> time | None:
    return signal.deployment.flat_by if signal.deployment else signal.account.flat_by


def _entries_until(signal: Signal, schedule: DaySchedule, day: date) -> datetime | None:
    deployment, instrument = signal.deployment, signal.instrument
    window = deployment.entry_until if deployment is not None and signal.kind == Signal.Kind.ENTER else None
    leave_by = days_to_leave([instrument], day, only_certain=True).get(instrument.pk)
    return entries_until(schedule, window, leave_at(instrument.expiry, leave_by, _flat_by(signal), schedule))


def limits_of(signal: Signal) -> RiskLimits:
    rows = {row.deployment_id: row for row in RiskLimit.objects.filter(account_id=signal.account_id)}
    return strictest_limits(rows.get(None), rows.get(signal.deployment_id) if signal.deployment_id else None)


def strictest_limits(account: RiskLimit | None, own: RiskLimit | None) -> RiskLimits:
    """Put an account's limits and a deployment's own together; None: no such row."""
    rows = [row for row in (own, account) if row is not None] or [RiskLimit()]
    return RiskLimits(
        quote_max_age=timedelta(seconds=min(row.max_quote_age_seconds for row in rows)),
        collar_percent=min(Decimal(row.price_collar_percent) for row in rows),
        account=as_limits(account),
        deployment=as_limits(own),
    )


def as_limits(row: RiskLimit | None) -> Limits:
    if row is None:
        return Limits()
    return Limits(
        max_order_value=row.max_order_value,
        max_quantity=row.max_quantity,
        max_position=row.max_position,
        max_gross=row.max_gross,
        max_net=row.max_net,
        max_open_orders=row.max_open_orders,
        max_orders_per_minute=row.max_orders_minute,
        max_orders_per_day=row.max_orders_day,
        max_daily_loss=row.max_daily_loss,
    )


def own_limits(deployment: Deployment) -> Limits:
    return as_limits(RiskLimit.objects.filter(deployment=deployment).first())
