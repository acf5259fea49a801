"""The market's dated facts as our own rows have them, each asked once: implements ``trading.lab.facts.MarketFacts``."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from datetime import date, datetime
from decimal import Decimal
from functools import cached_property
from typing import TypeVar

from instruments.domain.price_protection import Protection, protection_in_force
from instruments.domain.sessions import DaySchedule
from instruments.models import FreezeQuantity, Instrument, ProtectionStep, SettlementPrice, TradingSession
from market.board import limits_of
from market.domain.staleness import AgeLimits
from portfolio.expiries import days_to_leave, settlement_time
from trading.models import PriceBand
from trading.run.hosts import spec_of
from trading.strategies.values import InstrumentSpec

T = TypeVar("T")


class RowFacts:
    """Facts of these instruments, by the token they trade under in what is played."""

    def __init__(self, instruments: Mapping[int, Instrument]) -> None:
        self.instruments = instruments
        self.specs = {token: spec_of(one) for token, one in instruments.items()}
        self._known: dict[tuple[str, int, date], object] = {}

    @cached_property
    def _protections(self) -> list[ProtectionStep]:
        return list(ProtectionStep.objects.all())

    def _once(self, what: str, token: int, day: date, ask: Callable[[Instrument], T]) -> T:
        key = what, token, day
        if key not in self._known:
            self._known[key] = ask(self.instruments[token])
        return self._known[key]  # type: ignore[return-value]

    def spec_of(self, token: int) -> InstrumentSpec:
        return self.specs[token]

    def schedule(self, token: int, day: date) -> DaySchedule:
        return self._once("schedule", token, day, lambda one: one.schedule(day))

    def next_open(self, token: int, after: date) -> datetime | None:
        def ask(one: Instrument) -> datetime | None:
            day = TradingSession.objects.next_trading_day(one.exchange, one.security_class, after)
            return one.schedule(day).opens_at if day else None

        return self._once("next open", token, after, ask)

    def closed_since(self, token: int, now: datetime) -> datetime | None:
        one = self.instruments[token]
        return TradingSession.objects.closed_since([one], now).get(one.pk)

    def band(self, token: int, day: date) -> tuple[Decimal, Decimal] | None:
        def ask(one: Instrument) -> tuple[Decimal, Decimal] | None:
            row = PriceBand.objects.filter(instrument=one, day=day).first()
            return (row.low, row.high) if row else None

        return self._once("band", token, day, ask)

    def freeze(self, token: int, day: date) -> int | None:
        return self._once("freeze", token, day, lambda one: FreezeQuantity.objects.freeze_for(one, day))

    def protection(self, token: int, day: date) -> Protection:
        return self._once(
            "protection", token, day, lambda one: protection_in_force(self._protections, one.segment, day)
        )

    def leave_by(self, token: int, day: date) -> date | None:
        def ask(one: Instrument) -> date | None:
            return days_to_leave([one], day, only_certain=True).get(one.pk)

        return self._once("leave by", token, day, ask)

    def final_price(self, token: int) -> Decimal | None:
        return SettlementPrice.objects.final_price(self.instruments[token])

    def settled_at(self, token: int) -> datetime | None:
        one = self.instruments[token]
        return settlement_time(one) if one.expiry else None

    def age_limits(self, token: int) -> AgeLimits:
        return limits_of(self.instruments[token])
