"""Instruments and their tokens over time, the calendar, dated quantities and prices, and what each load did."""

from datetime import date, datetime, time

from django.core.exceptions import ValidationError
from django.db import models
from django.db.models import Q

from alphapanda.core.ids import new_id
from alphapanda.core.timezone import IST
from instruments.domain.contracts import (
    CASH_EXCHANGES,
    CLASSES_OF_EXCHANGE,
    EXCHANGES,
    INDICES,
    InstrumentType,
    SecurityClass,
    describe_contract,
    is_expired,
    key_of,
    security_class_of,
    underlying_key,
)
from instruments.domain.price_protection import ContractKind, ProtectionKind
from instruments.domain.sessions import DaySchedule, phase_problems, phases_from_rows
from instruments.querysets import (
    CorporateActionQuerySet,
    FreezeQuantityQuerySet,
    InstrumentLoadQuerySet,
    InstrumentQuerySet,
    ProtectionStepQuerySet,
    SettlementPriceQuerySet,
    TradingSessionQuerySet,
)

EXCHANGE_CHOICES = [(exchange, exchange) for exchange in EXCHANGES]
PROTECTION_CHOICES = [
    (ProtectionKind.SLAB.value, "Slab of automatic market protection"),
    (ProtectionKind.LIMIT_RANGE.value, "Limit price protection"),
]
CONTRACT_CHOICES = [(contract.value, contract.value.capitalize()) for contract in ContractKind]
SECURITY_CLASS_CHOICES = [
    (SecurityClass.EQUITY, "shares without futures"),
    (SecurityClass.EQUITY_FNO, "shares with futures"),
    (SecurityClass.INDEX, "indices"),
    (SecurityClass.DERIVATIVE, "futures and options"),
    (SecurityClass.EXPIRING_INDEX, "index contracts on their expiry day"),
]


class Instrument(models.Model):
    """Something tradable, known by exchange, symbol and expiry: tokens come and go and are recycled."""

    id = models.UUIDField(primary_key=True, default=new_id, editable=False)
    exchange = models.CharField(max_length=8, choices=EXCHANGE_CHOICES)
    tradingsymbol = models.CharField(max_length=64)
    expiry = models.DateField(null=True, blank=True)
    name = models.CharField(max_length=200, blank=True)
    instrument_type = models.CharField(max_length=3, choices=[(kind, kind) for kind in InstrumentType])
    segment = models.CharField(max_length=16)
    strike = models.DecimalField(max_digits=18, decimal_places=4, null=True, blank=True)
    tick_size = models.DecimalField(max_digits=18, decimal_places=4)
    lot_size = models.PositiveIntegerField()
    instrument_token = models.BigIntegerField(db_index=True)
    token_since = models.DateField(
        null=True, blank=True, help_text="The day the token became its own; empty: since it was first seen."
    )
    exchange_token = models.BigIntegerField()
    listed = models.BooleanField(default=True)
    has_derivatives = models.BooleanField(default=False, help_text="A share that futures are traded on.")
    first_seen = models.DateField()
    last_seen = models.DateField(
        null=True, blank=True, help_text="The last day a dump held it; empty while it is listed."
    )

    objects = InstrumentQuerySet.as_manager()

    class Meta:
        ordering = ["exchange", "tradingsymbol", "expiry"]
        constraints = [
            models.UniqueConstraint(
                fields=["exchange", "tradingsymbol", "expiry"],
                nulls_distinct=False,
                name="instrument_identity",
            ),
            models.UniqueConstraint(
                fields=["instrument_token"], condition=Q(listed=True), name="one_listed_instrument_a_token"
            ),
            models.CheckConstraint(condition=Q(tick_size__gte=0), name="instrument_tick_size"),
        ]

    def __str__(self) -> str:
        return (
            f"{self.exchange}:{describe_contract(self.tradingsymbol, self.expiry, self.strike, self.instrument_type)}"
        )

    @property
    def key(self) -> str:
        return key_of(self.exchange, self.tradingsymbol)

    def symbol_on(self, day: date) -> str:
        """Return the symbol it had on ``day``: what was written then names it so."""
        named = (name for name in self.names.all() if name.valid_from <= day < name.valid_to)
        former = next(named, None)
        return former.tradingsymbol if former else self.tradingsymbol

    @property
    def is_index(self) -> bool:
        return self.segment == INDICES

    @property
    def security_class(self) -> SecurityClass:
        return security_class_of(self.segment, self.instrument_type, self.has_derivatives)

    @property
    def underlying_key(self) -> str:
        """What this derivative is settled by."""
        return underlying_key(self.exchange, self.name)

    @property
    def token_from(self) -> date:
        """The first day its token was its own: what was said of the token before that was another's."""
        return self.token_since or self.first_seen

    def token_on(self, day: date) -> int | None:
        """Return the token it trades under on ``day``, today or later; None if it has expired or gone.

        Tokens are recycled: the one that stands in the row of what trades no more may be another's by now.
        """
        return self.instrument_token if self.listed and not is_expired(self.expiry, day) else None

    def schedule(self, day: date) -> DaySchedule:
        """Return when this instrument trades on ``day``, its own expiry day included."""
        return TradingSession.objects.schedule_for(self, day)


class InstrumentToken(models.Model):
    """A token that was an instrument's from ``valid_from`` up to, not including, ``valid_to``.

    The token an instrument has now stands in its own row.
    """

    id = models.UUIDField(primary_key=True, default=new_id, editable=False)
    instrument = models.ForeignKey(Instrument, on_delete=models.CASCADE, related_name="tokens")
    instrument_token = models.BigIntegerField()
    valid_from = models.DateField()
    valid_to = models.DateField()

    class Meta:
        ordering = ["valid_from"]
        indexes = [models.Index(fields=["instrument_token", "valid_from"], name="token_on_a_day")]
        constraints = [
            models.CheckConstraint(condition=Q(valid_to__gte=models.F("valid_from")), name="token_interval_forwards")
        ]

    def __str__(self) -> str:
        return f"{self.instrument_token} from {self.valid_from} to {self.valid_to}"


class InstrumentName(models.Model):
    """A symbol that was an instrument's from ``valid_from`` up to, not including, ``valid_to``.

    The symbol an instrument has now stands in its own row.
    """

    id = models.UUIDField(primary_key=True, default=new_id, editable=False)
    instrument = models.ForeignKey(Instrument, on_delete=models.CASCADE, related_name="names")
    exchange = models.CharField(max_length=8, choices=EXCHANGE_CHOICES)
    tradingsymbol = models.CharField(max_length=64)
    valid_from = models.DateField()
    valid_to = models.DateField()

    class Meta:
        ordering = ["valid_from"]
        indexes = [models.Index(fields=["exchange", "tradingsymbol"], name="former_name")]

    def __str__(self) -> str:
        return f"{self.key} from {self.valid_from} to {self.valid_to}"

    @property
    def key(self) -> str:
        return key_of(self.exchange, self.tradingsymbol)


class RenameQuestion(models.Model):
    """Whether an instrument that came is one that went, under another name. A person answers."""

    class State(models.TextChoices):
        ASKED = "asked"
        FOLLOWED = "followed", "the same: followed"
        APART = "apart", "two instruments"

    id = models.UUIDField(primary_key=True, default=new_id, editable=False)
    former = models.ForeignKey(Instrument, on_delete=models.CASCADE, related_name="+")
    former_symbol = models.CharField(max_length=80)
    successor = models.ForeignKey(Instrument, on_delete=models.SET_NULL, null=True, related_name="+")
    successor_symbol = models.CharField(max_length=80)
    day = models.DateField(help_text="The day of the dump that brought the new one.")
    why = models.CharField(max_length=200)
    state = models.CharField(max_length=8, choices=State, default=State.ASKED)
    answered_by = models.CharField(max_length=150, blank=True)

    class Meta:
        ordering = ["-day", "former_symbol"]
        constraints = [models.UniqueConstraint(fields=["former", "successor"], name="one_question_a_pair")]

    def __str__(self) -> str:
        return f"{self.former_symbol} → {self.successor_symbol}: {self.why}"


class InstrumentLoad(models.Model):
    """What one load did, or why it was refused whole."""

    class State(models.TextChoices):
        ACCEPTED = "accepted"
        REFUSED = "refused"

    id = models.UUIDField(primary_key=True, default=new_id, editable=False)
    day = models.DateField(null=True, help_text="The market day the dump is of; unknown if refused before that.")
    state = models.CharField(max_length=8, choices=State)
    sources = models.JSONField(default=list, help_text="The files or addresses it was read from.")
    rows = models.JSONField(default=dict, help_text="Accepted rows by exchange.")
    report = models.JSONField(default=dict, help_text="What changed, by exchange.")
    problems = models.JSONField(default=list, help_text="Why it was refused, with file and row.")
    loaded_at = models.DateTimeField(auto_now_add=True)

    objects = InstrumentLoadQuerySet.as_manager()

    class Meta:
        ordering = ["-loaded_at"]

    def __str__(self) -> str:
        return f"{self.state} load of {self.day or 'an unknown day'}"


class TradingSession(models.Model):
    """When one class of securities of one exchange trades on one day, and who says so."""

    id = models.UUIDField(primary_key=True, default=new_id, editable=False)
    exchange = models.CharField(max_length=8, choices=EXCHANGE_CHOICES)
    security_class = models.CharField(max_length=16, choices=SECURITY_CLASS_CHOICES)
    day = models.DateField()
    phases = models.JSONField(
        default=list,
        blank=True,
        help_text='In order, Indian time: [{"kind": "continuous", "from": "09:15", "to": "15:30"}]. '
        "Kinds: pre_open, continuous, auction, post_close. Empty: closed.",
    )
    is_holiday = models.BooleanField(default=False, help_text="No session all day, weekends included.")
    name = models.CharField(max_length=120, blank=True, help_text="The holiday or the special session.")
    source = models.CharField(max_length=200, help_text="The circular or page that says so.")
    by_hand = models.BooleanField(
        default=False, help_text="Edited here: load_calendar leaves it alone unless told to overwrite."
    )

    objects = TradingSessionQuerySet.as_manager()

    class Meta:
        ordering = ["day", "exchange", "security_class"]
        constraints = [
            models.UniqueConstraint(fields=["exchange", "security_class", "day"], name="one_session_a_day"),
            models.CheckConstraint(
                condition=Q(is_holiday=True, phases=[]) | (Q(is_holiday=False) & ~Q(phases=[])),
                name="holiday_has_no_phases",
            ),
        ]

    def __str__(self) -> str:
        return f"{self.exchange} {self.security_class} on {self.day:%d %b %Y}"

    def schedule(self) -> DaySchedule:
        return DaySchedule(
            exchange=self.exchange,
            security_class=self.security_class,
            day=self.day,
            phases=phases_from_rows(self.day, self.phases),
            is_holiday=self.is_holiday,
            name=self.name,
            source=self.source,
        )

    def clean(self) -> None:
        problems = [*self._class_problems(), *self._phase_problems()]
        if problems:
            raise ValidationError(problems)

    def _class_problems(self) -> list[str]:
        classes = CLASSES_OF_EXCHANGE.get(self.exchange, ())
        if not classes or self.security_class in classes:
            return []
        return [f"{self.exchange} has no class {self.security_class!r}; it has {', '.join(classes)}."]

    def _phase_problems(self) -> list[str]:
        if not isinstance(self.phases, list):
            return ["Phases must be a list of objects with kind, from and to."]
        if self.is_holiday and self.phases:
            return ["A holiday has no phases: empty them, or untick holiday."]
        if not self.is_holiday and not self.phases:
            return ["A day without phases is closed: tick holiday, or give its phases."]
        if self.day is None:
            return []
        try:
            return phase_problems(phases_from_rows(self.day, self.phases))
        except ValueError as unreadable:
            return [str(unreadable)]


class FreezeQuantity(models.Model):
    """The most units one order on an underlying may hold, from a day on; more is frozen by the exchange."""

    id = models.UUIDField(primary_key=True, default=new_id, editable=False)
    exchange = models.CharField(max_length=8, choices=EXCHANGE_CHOICES)
    underlying = models.CharField(max_length=64, help_text="As in the dump's name column: NIFTY, SENSEX.")
    effective_from = models.DateField()
    quantity = models.PositiveIntegerField(help_text="In units, not lots.")
    source = models.CharField(max_length=200)

    objects = FreezeQuantityQuerySet.as_manager()

    class Meta:
        ordering = ["exchange", "underlying", "-effective_from"]
        verbose_name_plural = "freeze quantities"
        constraints = [
            models.UniqueConstraint(
                fields=["exchange", "underlying", "effective_from"], name="one_freeze_quantity_a_day"
            ),
            models.CheckConstraint(condition=Q(quantity__gt=0), name="freeze_quantity_above_zero"),
        ]

    def __str__(self) -> str:
        return f"{self.exchange} {self.underlying}: {self.quantity} from {self.effective_from}"


class ProtectionStep(models.Model):
    """How far an order at market goes, or which limits the exchange takes, from a day on, for prices below a bound.

    The rows of one kind, contract and day belong together: a later day replaces all of them.
    """

    id = models.UUIDField(primary_key=True, default=new_id, editable=False)
    kind = models.CharField(max_length=16, choices=PROTECTION_CHOICES)
    contract = models.CharField(max_length=8, choices=CONTRACT_CHOICES)
    effective_from = models.DateField()
    below = models.DecimalField(
        max_digits=12, decimal_places=4, null=True, blank=True, help_text="Last prices below it. Empty: all others."
    )
    percent = models.DecimalField(
        max_digits=6, decimal_places=3, null=True, blank=True, help_text="Of the last price, to either side."
    )
    rupees = models.DecimalField(
        max_digits=12,
        decimal_places=4,
        null=True,
        blank=True,
        help_text="Instead of a percent, for a range.",
    )
    source = models.CharField(max_length=200, help_text="Where it stands: circular, support page, date.")

    objects = ProtectionStepQuerySet.as_manager()

    class Meta:
        ordering = ["kind", "contract", "-effective_from", "below"]
        verbose_name = "price protection"
        verbose_name_plural = "price protections"
        constraints = [
            models.UniqueConstraint(
                fields=["kind", "contract", "effective_from", "below"],
                nulls_distinct=False,
                name="one_protection_step_a_bound",
            ),
            models.CheckConstraint(
                condition=Q(percent__isnull=False, percent__gt=0, rupees__isnull=True)
                | Q(percent__isnull=True, rupees__isnull=False, rupees__gt=0, kind=ProtectionKind.LIMIT_RANGE),
                name="protection_step_amount",
                violation_error_message="Give a percent; or rupees, for the exchange's range.",
            ),
            models.CheckConstraint(
                condition=~Q(source=""),
                name="protection_step_has_source",
                violation_error_message="Say where the figure comes from.",
            ),
        ]

    def __str__(self) -> str:
        bound = "all others" if self.below is None else f"below {self.below:f}"
        return f"{self.get_kind_display()} of a {self.contract}, {bound}, from {self.effective_from}"


class SettlementPrice(models.Model):
    """The final price by which all derivatives of one underlying that expire on one day are settled."""

    id = models.UUIDField(primary_key=True, default=new_id, editable=False)
    exchange = models.CharField(max_length=8, choices=[(name, name) for name in CASH_EXCHANGES])
    underlying = models.CharField(max_length=64, help_text="As in the dump's name column: NIFTY, INFY.")
    day = models.DateField(help_text="The day of expiry.")
    price = models.DecimalField(max_digits=18, decimal_places=4, help_text="The closing price of the underlying.")
    source = models.CharField(max_length=200, help_text="The exchange's circular, or whose closing price it is.")

    objects = SettlementPriceQuerySet.as_manager()

    class Meta:
        ordering = ["-day", "exchange", "underlying"]
        constraints = [
            models.UniqueConstraint(fields=["exchange", "underlying", "day"], name="one_settlement_price_a_day"),
            models.CheckConstraint(condition=Q(price__gt=0), name="settlement_price_above_zero"),
        ]

    def __str__(self) -> str:
        return f"{self.exchange} {self.underlying} on {self.day:%d %b %Y}: {self.price}"


class CorporateAction(models.Model):
    """A split or a bonus issue: from its ex-date on, of every ``held`` shares there are ``becomes``."""

    class Kind(models.TextChoices):
        SPLIT = "split", "Split"
        BONUS = "bonus", "Bonus issue"

    id = models.UUIDField(primary_key=True, default=new_id, editable=False)
    instrument = models.ForeignKey(Instrument, on_delete=models.PROTECT, related_name="corporate_actions")
    kind = models.CharField(max_length=8, choices=Kind)
    ex_date = models.DateField(help_text="The first day it trades without the entitlement.")
    held = models.PositiveIntegerField(help_text="Of so many shares …")
    becomes = models.PositiveIntegerField(
        help_text="… there are so many then: 1 and 5 in a split from ₹10 to ₹2, 1 and 2 in a bonus of 1:1."
    )
    credited_on = models.DateField(
        null=True, blank=True, help_text="The first day the new shares can be sold. Empty: they are receivable still."
    )
    source = models.CharField(max_length=200, help_text="The exchange's circular.")
    taken_effect_at = models.DateTimeField(null=True, editable=False, help_text="When runs and candles were adjusted.")

    objects = CorporateActionQuerySet.as_manager()

    class Meta:
        ordering = ["-ex_date", "instrument"]
        constraints = [
            models.UniqueConstraint(fields=["instrument", "kind", "ex_date"], name="one_corporate_action_a_day"),
            models.CheckConstraint(
                condition=Q(held__gt=0, becomes__gt=models.F("held"), becomes__lte=100 * models.F("held")),
                name="corporate_action_ratio",
                violation_error_message="Of some shares held more must become, at most 100 times as many.",
            ),
            models.CheckConstraint(
                condition=Q(credited_on__isnull=True) | Q(credited_on__gte=models.F("ex_date")),
                name="corporate_action_credit",
                violation_error_message="Shares are credited on the ex-date or later.",
            ),
        ]

    def __str__(self) -> str:
        return f"{self.kind} of {self.instrument.key} on {self.ex_date:%d %b %Y}: {self.held} → {self.becomes}"

    @property
    def at(self) -> datetime:
        """When it takes effect: before the first trade of the ex-date."""
        return datetime.combine(self.ex_date, time(0), IST)

    def clean(self) -> None:
        """What has taken effect is booked: only its credit, and who says so, may still be told."""
        before = CorporateAction.objects.filter(pk=self.pk, taken_effect_at__isnull=False).first()
        fixed = ("instrument_id", "kind", "ex_date", "held", "becomes")
        if before and any(getattr(before, name) != getattr(self, name) for name in fixed):
            raise ValidationError(f"it has taken effect as {before.held} → {before.becomes} and cannot be changed")
