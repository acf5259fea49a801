"""What a tick worker remembers of its shard between drains, and the effects of going on by one stream entry."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from datetime import UTC, date, datetime, time, timedelta
from typing import Any, NamedTuple
from uuid import UUID

import numpy as np
import structlog

from alphapanda.core.figures import signed_whole
from alphapanda.core.timezone import IST
from instruments.models import CorporateAction, Instrument, InstrumentName, TradingSession
from market.board import traded_under
from market.domain.candles import CandleSeries, ClosedCandle
from market.domain.entries import StreamEntry, StreamPosition
from market.domain.ticks import TICK_DTYPE
from market.models import Shard, Subscription
from trading.errors import NOBODYS_FAULT
from trading.models import History, RunInput
from trading.run.callback_slot import CallbackSlot
from trading.run.decisions import Decision
from trading.run.faults import StrategyFault, error_words, traceback_of
from trading.run.hearing import Heard, as_candle, as_tick, fill_of, keep_protected, offers
from trading.run.host import RunHost
from trading.run.names import rename_keys
from trading.run.sessions import calendar_version
from trading.strategies.values import Candle, Tick

log = structlog.get_logger()
# An open candle is closed by the next watermark, which no feed keeps back for as long.
RECENT = timedelta(days=30)
EPOCH = datetime.fromtimestamp(0, UTC)


class RunFault(NamedTuple):
    """Why a run is paused: in words, and as Python printed it where code raised.

    ``position`` is the entry it failed on (None: the last one taken in); ``before_entry``, on what it was told before.
    """

    run_id: UUID
    deployment_id: UUID
    words: str
    traceback: str = ""
    position: StreamPosition | None = None
    before_entry: bool = False


@dataclass
class LiveRun:
    """A run that goes on, and its host.

    ``instruments`` are those of its terms, by key, whether they are listed today or not; of ``gone`` no price comes.
    """

    run_id: UUID
    deployment_id: UUID
    account_id: UUID
    name: str
    host: RunHost
    instruments: dict[str, Instrument]
    gone: frozenset[str] = frozenset()

    def fault(self, words: str, error: BaseException | None = None) -> RunFault:
        return RunFault(self.run_id, self.deployment_id, words, traceback_of(error) if error else "")


@dataclass(frozen=True)
class QuotedDecision:
    """A decision of a run with the quote it was made on."""

    run: LiveRun
    decision: Decision
    position: StreamPosition
    now: datetime
    tick: Tick | None
    received_at: datetime | None


@dataclass
class Effects:
    """What a series of entries brought about; all of it is committed, or none."""

    candles: list[ClosedCandle] = field(default_factory=list)
    decisions: list[QuotedDecision] = field(default_factory=list)
    faults: list[RunFault] = field(default_factory=list)
    inputs: list[tuple[RunInput, StreamPosition]] = field(default_factory=list)
    histories: list[History] = field(default_factory=list)
    begun: list[LiveRun] = field(default_factory=list)
    resumed: list[LiveRun] = field(default_factory=list)
    ended: list[LiveRun] = field(default_factory=list)
    gaps: list[str] = field(default_factory=list)

    def place_faults(self, since: int, position: StreamPosition, *, before_entry: bool = False) -> None:
        """Say of the faults from number ``since`` on where in the stream they came."""
        placed = [one._replace(position=position, before_entry=before_entry) for one in self.faults[since:]]
        self.faults[since:] = placed


class ShardMemory:
    """Candles being made, last ticks, and run hosts of one shard; ``position`` is the last entry taken in."""

    def __init__(self, shard: Shard, position: StreamPosition, slot: CallbackSlot) -> None:
        self.shard_id = shard.pk
        self.feed_id = shard.feed_id
        self.position = position
        self.now = EPOCH
        self.candles = CandleSeries()
        self.rows: dict[int, np.void] = {}
        self.runs: dict[UUID, LiveRun] = {}
        self.instruments: dict[int, Instrument] = {}
        self.keys: dict[str, int] = {}
        self.names: dict[str, str] = {}  # a former key of an instrument → its key now
        self.has_stale_names = False
        self.slot = slot
        self.checkpointed_at: datetime | None = None
        self.opened_on: date | None = None  # the last day whose opening is known to be kept
        self.adjusted_on: date | None = None  # the last day whose splits are known to have taken effect
        self._split_at: dict[int, datetime] = {}
        self._good_from: dict[int, datetime] = {}  # when a token became its instrument's, or that was split
        self._day: date | None = None
        self._calendar = 0
        self._with_hours: set[int] = set()

    def apply_entry(self, entry: StreamEntry, effects: Effects) -> dict[int, np.void]:
        """Go on by one entry: candles first, then ticks, for every run in the order of its name.

        Returns the entry's rows by token, for the paper exchange.
        """
        self._note_gap(entry, effects)
        self.position, self.now = entry.position, max(self.now, entry.market_time)
        self._open_day()
        rows = self._take_in_rows(entry)
        closed = self.candles.close_until(entry.market_time if entry.kind == "watermark" else EPOCH)
        if self._good_from:
            # One of before that closes late, the feed having been down, is another's, or of prices that are no more.
            closed = [one for one in closed if one.start >= self._good_from.get(one.token, EPOCH)]
        effects.candles += closed
        # Exact money is dear, and most of a feed's instruments are nobody's.
        heard = self._tokens_heard()
        candles = [as_candle(one, self.instruments[one.token].key) for one in closed if one.token in heard]
        ticks = [as_tick(row, self.instruments[token].key, self.now) for token, row in rows.items() if token in heard]
        received_at, faults = _moment(entry.batch.received_at) if entry.batch else None, len(effects.faults)
        for run in sorted(self.runs.values(), key=lambda one: one.name):
            self._offer_to_run(run, candles, ticks, effects, received_at, is_quiet=not ticks)
        effects.place_faults(faults, self.position)
        return rows

    def note_splits(self, actions: Iterable[CorporateAction], day: date) -> None:
        """Note what was split on ``day``, before its first entry is taken in."""
        self.refresh_instruments()
        tokens = {instrument.pk: token for token, instrument in self.instruments.items()}
        known = [action for action in actions if action.instrument_id in tokens]
        self._split_at = {tokens[action.instrument_id]: action.at for action in known}
        self._good_from |= self._split_at
        self.adjusted_on = day

    def _tokens_heard(self) -> set[int]:
        """Return the tokens of which some run hears."""
        keys = {key for run in self.runs.values() for key in run.instruments}
        return {self.keys[key] for key in keys & self.keys.keys()}

    def _note_gap(self, entry: StreamEntry, effects: Effects) -> None:
        is_next = entry.position.is_successor(self.position)
        if entry.gap or not is_next:
            self.candles.note_gap(int(entry.market_time.timestamp()))
        if not is_next and self.position.epoch:
            effects.gaps.append(f"after {self.position} came {entry.position}")

    def _open_day(self) -> None:
        day = self.now.astimezone(IST).date()
        calendar = calendar_version(day)
        if (day, calendar) != (self._day, self._calendar):
            self._day, self._calendar = day, calendar
            self._with_hours.clear()
            self.refresh_instruments()

    def refresh_instruments(self) -> None:
        """Read again which instruments this shard hears: tokens change from day to day, subscriptions at any time."""
        wanted = self.wanted_instruments()
        day = self.now.astimezone(IST).date()
        self.instruments = traded_under([instrument for instrument, _ in wanted], day)
        self.keys = {instrument.key: token for token, instrument in self.instruments.items()}
        self._note_names()
        since = {token: one.token_from for token, one in self.instruments.items() if day - one.token_from < RECENT}
        self._good_from = {token: datetime.combine(first, time(0), IST) for token, first in since.items()}
        self._good_from |= self._split_at
        self.rows = {token: row for token, row in self.rows.items() if not self._is_of_another(token, row)}
        self.hold_back_gone()
        if self._day is not None:
            with_candles = traded_under([instrument for instrument, wants_candles in wanted if wants_candles], day)
            self._set_hours(set(with_candles), self._day)

    def wanted_instruments(self) -> list[tuple[Instrument, bool]]:
        """Return what the shard is to hear, and whether it makes candles of it."""
        wanted = Subscription.objects.filter(feed=self.feed_id, instrument__listed=True).select_related("instrument")
        return [(row.instrument, row.wants_candles) for row in wanted]

    def _note_names(self) -> None:
        """Note which key each former one means now. A run that was made under another name has to be made anew."""
        current = {instrument.pk: instrument.key for instrument in self.instruments.values()}
        names = InstrumentName.objects.filter(instrument__in=current).order_by("valid_to")
        self.names = {name.key: current[name.instrument_id] for name in names if name.key not in self.keys}
        self.has_stale_names = any(key in self.names for run in self.runs.values() for key in run.host.known_keys)

    def _is_of_another(self, token: int, row: np.void) -> bool:
        """Whether a row was told of a token before it was its instrument's own: tokens are recycled."""
        stamp, instrument = int(row["exchange_timestamp"]), self.instruments.get(token)
        told_on = datetime.fromtimestamp(stamp, IST).date() if stamp else None
        return instrument is not None and told_on is not None and told_on < instrument.token_from

    def hold_back_gone(self) -> None:
        """Let no run ask for an exit of an instrument that is gone; the commit then pauses it."""
        for run in self.runs.values():
            run.host.hold_back(run.instruments.keys() - self.keys.keys())

    def _set_hours(self, tokens: set[int], day: date) -> None:
        """Let instruments make candles in the hours of the day; those that have them keep theirs."""
        new = [self.instruments[token] for token in sorted(tokens - self._with_hours)]
        schedules = TradingSession.objects.schedules(new, day) if new else {}
        for instrument in new:
            schedule = schedules[instrument.pk]
            if schedule.opens_at and schedule.closes_at:
                hours = (schedule.opens_at, schedule.closes_at, schedule.ends_at or schedule.closes_at)
                self.candles.set_session(instrument.instrument_token, *(int(at.timestamp()) for at in hours))
        self._with_hours |= tokens

    def _take_in_rows(self, entry: StreamEntry) -> dict[int, np.void]:
        if entry.batch is None or not len(entry.batch):
            return {}
        self.candles.advance(entry.batch)
        believed = entry.batch.believed().rows
        rows = dict(zip(believed["token"].tolist(), believed, strict=True))
        self.rows |= rows
        return rows

    def _offer_to_run(
        self,
        run: LiveRun,
        candles: list[Candle],
        ticks: list[Tick],
        effects: Effects,
        received_at: datetime | None,
        *,
        is_quiet: bool,
    ) -> None:
        for call in offers(run.host, run.instruments, Heard(candles, ticks, is_quiet), self.now):
            self._call_host(run, effects, received_at, call)

    def note_gone(self, effects: Effects) -> None:
        """Pause each run of whose instruments one more is gone."""
        for run in self.runs.values():
            gone = frozenset(run.instruments.keys() - self.keys.keys())
            if gone == run.gone:
                continue
            is_more, run.gone = not gone <= run.gone, gone
            # A rebuild must not hear again, with other instruments listed, what was decided without them.
            self.checkpointed_at = None
            if is_more:
                log.warning("instruments_gone", run=run.name, gone=sorted(gone))
                run.host.keep_exits_only(is_faulted=True)
                effects.faults.append(run.fault(gone_words(gone, run.host.positions)))

    def _call_host(self, run: LiveRun, effects: Effects, received_at: datetime | None, call: Any) -> None:
        """Call a host; a fault pauses the run, and what was decided before it counts."""
        try:
            with self.slot.holding(run.run_id):
                decisions: Iterable[Decision] = call()
        except StrategyFault as fault:
            log.warning("strategy_fault", run=run.name, fault=str(fault), exc_info=True)
            effects.faults.append(run.fault(fault.words, fault.__cause__))
            decisions = fault.decisions
        except NOBODYS_FAULT:
            raise
        except Exception as error:
            log.exception("run_failed", run=run.name)
            decisions = run.host.give_in()
            effects.faults.append(run.fault(f"it failed: {error_words(error)}", error))
        for slow in run.host.take_slow():
            log.warning("callback_slow", run=run.name, strikes=run.host.strikes, exc_info=slow)
            # A rebuild would ask again, and might be answered; what followed was decided without it.
            self.checkpointed_at = None
        effects.decisions += [self._quoted_decision(run, decision, received_at) for decision in decisions or ()]

    def _quoted_decision(self, run: LiveRun, decision: Decision, received_at: datetime | None) -> QuotedDecision:
        token = self.keys.get(decision.instrument)
        row = self.rows.get(token) if token is not None else None
        tick = as_tick(row, decision.instrument, self.now) if row is not None else None
        return QuotedDecision(run, decision, self.position, self.now, tick, received_at)

    def apply_input(self, run: LiveRun, told: RunInput, effects: Effects) -> None:
        """Give a run one of its inputs."""
        payload = rename_keys(told.payload, self.names)
        if told.kind in ("fill", "closed_by_hand"):
            fill = fill_of(payload, payload["number"] if told.kind == "fill" else None)
            take = run.host.apply_fill if told.kind == "fill" else run.host.apply_closed_by_hand
            self._call_host(run, effects, None, lambda: take(fill))
            keep_protected(run.host, payload)
        elif told.kind == "expired":
            self._call_host(run, effects, None, lambda: run.host.apply_expiry(fill_of(payload)))
        elif told.kind == "adjusted":
            run.host.apply_adjustment(payload["instrument"], payload["held"], payload["becomes"])
        elif told.kind == "ended":
            run.host.apply_order_ended(payload["instrument"], payload["outcome"], payload["number"])
        elif told.kind == "exits_only":
            run.host.keep_exits_only(is_faulted=payload.get("faulted", False))

    def save(self, effects: Effects) -> dict[str, Any]:
        """Return everything as JSON. A run whose strategy cannot be saved is paused, and begins anew when resumed."""
        rows = np.array(list(self.rows.values()), TICK_DTYPE) if self.rows else np.zeros(0, TICK_DTYPE)
        return {
            "now": self.now.isoformat(),
            "candles": self.candles.save(),
            "rows": rows.tobytes().hex(),
            "runs": {str(run.run_id): self._saved_host(run, effects) for run in self.runs.values()},
        }

    def _saved_host(self, run: LiveRun, effects: Effects) -> dict[str, Any]:
        try:
            return run.host.save()
        except StrategyFault as fault:
            log.warning("strategy_fault", run=run.name, fault=str(fault), exc_info=True)
            effects.faults.append(run.fault(fault.words, fault.__cause__))
        return run.host.save()  # of a faulted strategy nothing is kept but how it began

    def restore(self, saved: dict[str, Any]) -> None:
        """Take back all but the hosts, which need their rows of the database."""
        self.now = self.checkpointed_at = datetime.fromisoformat(saved["now"])
        self._day = self.now.astimezone(IST).date()
        self.candles = CandleSeries.restore(saved["candles"])
        rows = np.frombuffer(bytes.fromhex(saved["rows"]), TICK_DTYPE)
        self.rows = {int(row["token"]): row for row in rows}
        self.refresh_instruments()


def gone_words(gone: Iterable[str], held: Mapping[str, int]) -> str:
    """Say which instruments are gone, and what is held of them: that cannot be left from here."""
    words = f"expired, no longer listed, or not subscribed: {', '.join(sorted(gone))}"
    if stuck := [f"{signed_whole(held[key])} {key}" for key in sorted(gone) if held.get(key)]:
        words += f"; {', '.join(stuck)} cannot be left from here: ask your broker; its other exits go on"
    return words


def _moment(milliseconds: int) -> datetime:
    return datetime.fromtimestamp(milliseconds / 1000, UTC)
