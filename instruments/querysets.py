"""The questions others ask of instruments, sessions and freeze quantities."""

from collections.abc import Collection
from datetime import date, datetime, timedelta
from decimal import Decimal
from typing import TYPE_CHECKING, Any
from uuid import UUID

from django.apps import apps
from django.db import models
from django.db.models import Case, IntegerField, Max, Min, Q, Value, When
from django.db.models.functions import Coalesce

from alphapanda.core.timezone import IST
from instruments.domain.contracts import CLASSES_OF_EXCHANGE, InstrumentType, SecurityClass, split_key
from instruments.domain.price_protection import Protection, contract_of, protection_in_force
from instruments.domain.sessions import DaySchedule, unknown_day

if TYPE_CHECKING:
    from instruments.models import (  # noqa: F401 (bases below)
        CorporateAction,
        FreezeQuantity,
        Instrument,
        ProtectionStep,
        SettlementPrice,
        TradingSession,
    )

LONGEST_SEARCH = 64


class InstrumentQuerySet(models.QuerySet["Instrument"]):
    def listed(self) -> "InstrumentQuerySet":
        return self.filter(listed=True)

    def trading_on(self, day: date) -> "InstrumentQuerySet":
        """Return those whose token is their own on ``day``, today or later (``Instrument.token_on``)."""
        return self.listed().exclude(expiry__lt=day)

    def of_kind(self, *kinds: str) -> "InstrumentQuerySet":
        return self.filter(instrument_type__in=kinds)

    def by_key(self, key: str) -> "Instrument":
        """Return what ``NSE:INFY`` means now, or meant last. Raises Instrument.DoesNotExist or ValueError.

        A symbol used again for a later expiry is the later contract; one that is nobody's any more means what was
        renamed from it.
        """
        exchange, tradingsymbol = split_key(key)
        found = self.filter(exchange=exchange, tradingsymbol=tradingsymbol)
        instrument = found.order_by("-listed", "-expiry").first() or self.once_named([key]).get(key)
        if instrument is None:
            raise self.model.DoesNotExist(f"no instrument {key}")
        return instrument

    def by_keys(self, keys: "list[str]") -> "dict[str, Instrument]":
        """Return the instruments of many keys at once; unknown keys are missing from the answer."""
        wanted = [split_key(key) for key in keys]
        either = Q()
        for exchange in {exchange for exchange, _ in wanted}:
            symbols = [symbol for its_exchange, symbol in wanted if its_exchange == exchange]
            either |= Q(exchange=exchange, tradingsymbol__in=symbols)
        # Later ones win: listed after gone, later expiries after earlier ones.
        found = self.filter(either).order_by("listed", "expiry") if wanted else self.none()
        answer: dict[str, Instrument] = {instrument.key: instrument for instrument in found}
        lacking = [key for key in keys if key not in answer]
        return answer | self.once_named(lacking) if lacking else answer

    def once_named(self, keys: "list[str]") -> "dict[str, Instrument]":
        """Return by former key what was renamed from it, the last to bear it."""
        wanted = [split_key(key) for key in keys]
        symbols = [symbol for _, symbol in wanted]
        names = apps.get_model("instruments", "InstrumentName").objects.filter(tradingsymbol__in=symbols)
        found = {name.key: name.instrument for name in names.select_related("instrument").order_by("valid_to")}
        return {key: found[key] for key in keys if key in found}

    def holding_token(self, token: int, day: date) -> "Instrument | None":
        """Return whose token it was on ``day``; tokens are recycled after expiry."""
        since = Coalesce("token_since", "first_seen")
        holder = self.listed().alias(since=since).filter(instrument_token=token, since__lte=day).first()
        former = self.filter(tokens__instrument_token=token, tokens__valid_from__lte=day, tokens__valid_to__gt=day)
        return holder or former.order_by("-tokens__valid_from").first()

    def search(self, text: str) -> "InstrumentQuerySet":
        """Find by words: each must begin or be in the symbol or the name; the exact symbol comes first."""
        words = text[:LONGEST_SEARCH].split()
        found = self.listed().holding_words(text).annotate(nearness=_nearness(words[0] if words else ""))
        return found.order_by("nearness", "exchange", "expiry", "tradingsymbol")

    def holding_words(self, text: str) -> "InstrumentQuerySet":
        found = self
        for word in text[:LONGEST_SEARCH].split():
            found = found.filter(Q(tradingsymbol__icontains=word) | Q(name__icontains=word))
        return found

    def futures_of(self, underlying: str) -> "InstrumentQuerySet":
        return self.listed().filter(name=underlying, instrument_type=InstrumentType.FUT).order_by("expiry")

    def options_of(self, underlying: str, expiry: date) -> "InstrumentQuerySet":
        options = self.listed().of_kind(InstrumentType.CE, InstrumentType.PE)
        return options.filter(name=underlying, expiry=expiry).order_by("strike", "instrument_type")


def shares_among(names: set[str]) -> set[str]:
    """Return which of these underlyings are shares; one that is not is an index."""
    if not names:
        return set()
    shares = apps.get_model("instruments", "Instrument").objects.filter(
        tradingsymbol__in=names, instrument_type=InstrumentType.EQ
    )
    return set(shares.values_list("tradingsymbol", flat=True))


def _nearness(word: str) -> Case:
    return Case(
        When(tradingsymbol__iexact=word, then=Value(0)),
        When(tradingsymbol__istartswith=word, then=Value(1)),
        default=Value(2),
        output_field=IntegerField(),
    )


class InstrumentLoadQuerySet(models.QuerySet[Any]):
    def accepted(self) -> "InstrumentLoadQuerySet":
        return self.filter(state="accepted")

    def last_day_of(self, exchange: str) -> date | None:
        """Return the day whose dump stands for this exchange."""
        day: date | None = self.accepted().filter(rows__has_key=exchange).aggregate(day=Max("day"))["day"]
        return day


class TradingSessionQuerySet(models.QuerySet["TradingSession"]):
    def schedule(self, exchange: str, security_class: str, day: date) -> DaySchedule:
        """Return the phases of a day; a day nobody has told us of is unknown, and closed."""
        row = self.filter(exchange=exchange, security_class=security_class, day=day).first()
        return row.schedule() if row else unknown_day(exchange, security_class, day)

    def version_of(self, day: date) -> int:
        """Return a number that differs where anything about the hours of a day does."""
        rows = self.filter(day=day).order_by("exchange", "security_class")
        return hash(repr(list(rows.values_list("exchange", "security_class", "phases", "is_holiday"))))

    def schedule_for(self, instrument: "Instrument", day: date) -> DaySchedule:
        """Return when ``instrument`` trades on ``day``; index contracts may stop early on their last."""
        return self.schedules([instrument], day)[instrument.pk]

    def schedules(self, instruments: "Collection[Instrument]", day: date) -> dict[UUID, DaySchedule]:
        """Return when each instrument trades on ``day``, by its id; at most two questions, however many."""
        known = {(row.exchange, row.security_class): row.schedule() for row in self.filter(day=day)}
        shares = shares_among({instrument.name for instrument in instruments if instrument.expiry == day})
        answer = {}
        for instrument in instruments:
            exchange, security_class = instrument.exchange, instrument.security_class
            ends_today = instrument.expiry == day and instrument.name not in shares
            early = known.get((exchange, SecurityClass.EXPIRING_INDEX)) if ends_today else None
            answer[instrument.pk] = (
                early or known.get((exchange, security_class)) or unknown_day(exchange, security_class, day)
            )
        return answer

    def last_close(self, exchange: str, day: date) -> datetime | None:
        """Return when the last phase of a day at this exchange ends, of whichever class; None if nobody told."""
        days = [row.schedule() for row in self.filter(exchange=exchange, day=day)]
        return max((phase.closes_at for schedule in days for phase in schedule.phases), default=None)

    def trading_days(self, exchange: str, security_class: str, first: date, last: date) -> list[date]:
        """Return the days with a session from ``first`` to ``last``, both included; unknown days are closed."""
        known = self.filter(exchange=exchange, security_class=security_class, is_holiday=False)
        return list(known.filter(day__range=(first, last)).order_by("day").values_list("day", flat=True))

    def next_trading_day(self, exchange: str, security_class: str, after: date) -> date | None:
        """Return the next day with a session; None if the calendar does not reach that far."""
        ahead = self.filter(exchange=exchange, security_class=security_class, day__gt=after, is_holiday=False)
        day: date | None = ahead.aggregate(day=Min("day"))["day"]
        return day

    def is_over(self, day: date, now: datetime) -> bool:
        """Whether no exchange trades on ``day`` any more; an unknown day is over when the next begins."""
        today = now.astimezone(IST).date()
        if day != today:
            return day < today
        phases = [phase for row in self.filter(day=day) for phase in row.schedule().phases]
        return bool(phases) and all(phase.closes_at <= now for phase in phases)

    def is_any_open(self, now: datetime, margin: timedelta) -> bool:
        """Whether any exchange is within its phases of the day, the first to the last, or so near to them."""
        schedules = [row.schedule() for row in self.filter(day=now.astimezone(IST).date(), is_holiday=False)]
        return any(
            schedule.phases[0].opens_at - margin <= now < schedule.phases[-1].closes_at + margin
            for schedule in schedules
        )

    def last_trading_day(self, exchange: str, security_class: str, before: date) -> date | None:
        """Return the newest day with a session before that day; None if the calendar does not reach that far."""
        past = self.filter(exchange=exchange, security_class=security_class, day__lt=before, is_holiday=False)
        day: date | None = past.aggregate(day=Max("day"))["day"]
        return day

    def closed_since(self, instruments: "Collection[Instrument]", now: datetime) -> dict[UUID, datetime]:
        """Return since when each instrument's market has been closed, by its id.

        One that is open now, or of whose day nothing is known, is missing.
        """
        today = now.astimezone(IST).date()
        closed: dict[UUID, datetime] = {}
        not_yet: list[Instrument] = []
        schedules = self.schedules(instruments, today)
        for instrument in instruments:
            schedule = schedules[instrument.pk]
            if schedule.closes_at and now >= schedule.closes_at:
                closed[instrument.pk] = schedule.closes_at
            elif schedule.known and (schedule.opens_at is None or now < schedule.opens_at):
                not_yet.append(instrument)
        return closed | self._last_closes(not_yet, today)

    def _last_closes(self, instruments: "Collection[Instrument]", before: date) -> dict[UUID, datetime]:
        groups = {(instrument.exchange, instrument.security_class) for instrument in instruments}
        days = {group: self.last_trading_day(*group, before) for group in groups}
        closed: dict[UUID, datetime] = {}
        for day in {day for day in days.values() if day}:
            own = [one for one in instruments if days[one.exchange, one.security_class] == day]
            for pk, schedule in self.schedules(own, day).items():
                if schedule.closes_at:
                    closed[pk] = schedule.closes_at
        return closed

    def ends_on(self) -> date | None:
        """Return the last day that is known for every exchange and class; None without a calendar."""
        groups = self.exclude(security_class=SecurityClass.EXPIRING_INDEX).values("exchange", "security_class")
        ends = {
            (row["exchange"], row["security_class"]): row["ends"] for row in groups.annotate(ends=Max("day")).order_by()
        }
        wanted = [
            (exchange, kind)
            for exchange, kinds in CLASSES_OF_EXCHANGE.items()
            for kind in kinds
            if kind != SecurityClass.EXPIRING_INDEX
        ]
        return min(ends.values()) if all(key in ends for key in wanted) else None


class FreezeQuantityQuerySet(models.QuerySet["FreezeQuantity"]):
    def freeze_for(self, instrument: "Instrument", day: date) -> int | None:
        """Return the freeze quantity in force, in units; None where none is known (shares have none)."""
        if instrument.instrument_type == InstrumentType.EQ:
            return None
        known = self.filter(exchange=instrument.exchange, underlying=instrument.name, effective_from__lte=day).order_by(
            "-effective_from"
        )
        return known.values_list("quantity", flat=True).first()


class ProtectionStepQuerySet(models.QuerySet["ProtectionStep"]):
    def in_force(self, segment: str, day: date) -> Protection:
        """Return what holds for a contract of that segment on a day."""
        return protection_in_force(self.filter(contract=contract_of(segment)), segment, day)


class SettlementPriceQuerySet(models.QuerySet["SettlementPrice"]):
    def final_price(self, instrument: "Instrument") -> Decimal | None:
        """Return the price by which an expiring contract is settled; None while nobody has told."""
        told = self.filter(exchange=instrument.exchange, underlying=instrument.name, day=instrument.expiry)
        return told.values_list("price", flat=True).first()


class CorporateActionQuerySet(models.QuerySet["CorporateAction"]):
    def begun(self, today: date) -> "CorporateActionQuerySet":
        """Return those whose ex-date has come, oldest first."""
        return self.filter(ex_date__lte=today).order_by("ex_date", "pk")
