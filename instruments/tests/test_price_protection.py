"""How far an order at market goes, and which limits the exchange takes: kite.md 5.3b."""

from datetime import date
from decimal import Decimal

import pytest
from django.core.exceptions import ValidationError

from instruments.domain.price_protection import (
    UnknownProtection,
    limit_range,
    outside_limit_range,
    protected_price,
    protection_in_force,
    slab_percent,
)
from instruments.models import ProtectionStep
from instruments.protections import seed_protections, seeded_steps

D = Decimal
DAY = date(2026, 11, 23)
LATER = date(2027, 1, 4)


def seeded(segment: str, day: date = DAY, *more: ProtectionStep):
    return protection_in_force([*seeded_steps(), *more], segment, day)


def step(percent: str, below: str | None = None) -> ProtectionStep:
    """A share's slab from January on."""
    bound = D(below) if below else None
    return ProtectionStep(kind="slab", contract="share", effective_from=LATER, below=bound, percent=D(percent))


@pytest.mark.parametrize(
    ("segment", "last", "percent"),
    [
        ("NSE", "99.95", "2"),
        ("NSE", "100", "1"),
        ("BSE", "499.95", "1"),
        ("NSE", "1484", "0.5"),
        ("NFO-FUT", "24000", "0.5"),
        ("NFO-OPT", "2", "5"),
        ("NFO-OPT", "10", "3"),
        ("BFO-OPT", "100", "2"),
        ("NFO-OPT", "500", "1"),
    ],
)
def test_automatic_protection_is_the_brokers_slab(segment, last, percent):
    assert slab_percent(seeded(segment), D(last)) == D(percent)


@pytest.mark.parametrize(
    ("last", "sign", "percent", "tick", "price"),
    [
        ("1484", -1, "0.5", "0.10", "1476.50"),  # 1476.58, away from last
        ("1484", 1, "0.5", "0.10", "1491.50"),  # 1491.42
        ("2", -1, "5", "0.05", "1.90"),
        ("0.05", -1, "5", "0.05", "0.05"),  # never nothing
    ],
)
def test_the_protected_price_is_rounded_away_from_last(last, sign, percent, tick, price):
    assert protected_price(D(last), sign, D(percent), D(tick)) == D(price)


@pytest.mark.parametrize(
    ("segment", "reference", "allowed"),
    [
        ("NFO-OPT", "100", ("60", "140")),
        ("NFO-OPT", "50", ("30", "70")),
        ("NFO-OPT", "12", ("0", "32")),
        ("NFO-FUT", "1000", ("970", "1030")),
        ("NSE", "1000", None),
    ],
)
def test_the_exchanges_limit_range(segment, reference, allowed):
    assert limit_range(seeded(segment), D(reference)) == (allowed and tuple(map(D, allowed)))


@pytest.mark.parametrize(
    ("price", "sign", "outside"), [("141", 1, True), ("141", -1, False), ("59", -1, True), ("59", 1, False)]
)
def test_only_the_far_side_of_the_range_is_rejected(price, sign, outside):
    assert outside_limit_range(D(price), sign, (D(60), D(140))) is outside
    assert not outside_limit_range(D(price), sign, None)


def test_a_later_day_replaces_all_steps_and_only_from_then_on():
    more = step("3", below="1000"), step("0.8")
    assert slab_percent(seeded("NSE", LATER, *more), D(99)) == D(3)
    assert slab_percent(seeded("NSE", LATER, *more), D(1484)) == D("0.8")
    assert slab_percent(seeded("NSE", DAY, *more), D(1484)) == D("0.5")
    assert slab_percent(seeded("NFO-FUT", LATER, *more), D(1484)) == D("0.5")  # another contract


def test_before_all_of_them_the_oldest_is_all_one_has():
    assert slab_percent(seeded("NSE", date(2023, 7, 3)), D(1484)) == D("0.5")


def test_where_nothing_is_known_nothing_is_assumed():
    with pytest.raises(UnknownProtection, match="price of 1484"):
        slab_percent(protection_in_force([], "NSE", DAY), D(1484))


@pytest.mark.django_db
def test_what_a_person_changed_stays_when_the_list_is_seeded_again():
    row = ProtectionStep.objects.get(kind="slab", contract="share", below=None)
    row.percent = D("0.75")
    row.save()
    count = ProtectionStep.objects.count()
    seed_protections()
    assert (ProtectionStep.objects.count(), count) == (len(seeded_steps()),) * 2
    assert slab_percent(ProtectionStep.objects.in_force("NSE", DAY), D(1484)) == D("0.75")


@pytest.mark.django_db
@pytest.mark.parametrize("amounts", [{}, {"percent": D(1), "rupees": D(1)}, {"percent": D(0)}, {"rupees": D(1)}])
def test_a_step_of_a_slab_is_one_percentage(amounts):
    row = ProtectionStep(kind="slab", contract="share", effective_from=LATER, source="test", **amounts)
    with pytest.raises(ValidationError):
        row.full_clean()
