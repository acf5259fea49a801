"""Follows an instrument through a change of its symbol: by itself where it is certain, else when a person says so.

Kite's dump has no ISIN. An instrument that is gone, and a new one with the same token, exchange, kind and contract in
the same load, are one and the same: the exchange gives no token away on the day it falls free. Anything less is asked.
"""

# ruff: noqa: S608 (the statements are put together from constants of this module; values are parameters)

from datetime import date
from typing import Any

from django.db import IntegrityError, connection, transaction
from django.db.models import Model

from alphapanda.core.journal.services import record_event
from instruments.models import Instrument, InstrumentName, InstrumentToken, RenameQuestion

_SAME_KIND = """difference.is_new AND NOT departed.is_expired AND difference.exchange = standing.exchange
    AND difference.segment = standing.segment AND difference.instrument_type = standing.instrument_type
    AND difference.expiry IS NOT DISTINCT FROM standing.expiry"""
_PAIRS = """FROM departed JOIN instruments_instrument AS standing ON standing.id = departed.id
JOIN difference ON"""

FIND_CERTAIN = f"""
SELECT standing.id, standing.exchange, standing.tradingsymbol, difference.tradingsymbol {_PAIRS} {_SAME_KIND}
    AND difference.instrument_token = standing.instrument_token
    AND difference.strike IS NOT DISTINCT FROM standing.strike
ORDER BY standing.exchange, standing.tradingsymbol
"""

# Asked about: the same token and another strike (a split moves strikes), the same company's name and another token (a
# share that moves to another series), and a token that came back to a share after its former owner had gone.
FIND_UNCERTAIN = f"""
SELECT standing.id, difference.tradingsymbol, difference.expiry, difference.exchange,
    format('the same token %s on the same day, but the strike was %s and is %s',
        standing.instrument_token, trim_scale(standing.strike), trim_scale(difference.strike))
{_PAIRS} {_SAME_KIND} AND difference.instrument_token = standing.instrument_token
    AND difference.strike IS DISTINCT FROM standing.strike
UNION ALL
SELECT standing.id, difference.tradingsymbol, difference.expiry, difference.exchange,
    format('both are named %s, and one went as the other came', standing.name)
{_PAIRS} {_SAME_KIND} AND standing.expiry IS NULL AND difference.name = standing.name AND standing.name <> ''
    AND difference.instrument_token <> standing.instrument_token
UNION ALL
SELECT former.id, difference.tradingsymbol, difference.expiry, difference.exchange,
    format('it has the token %s that was the other''s until %s', held.instrument_token, held.valid_to)
FROM difference JOIN LATERAL (
    SELECT * FROM instruments_instrumenttoken AS token WHERE token.instrument_token = difference.instrument_token
    ORDER BY token.valid_to DESC, token.id DESC LIMIT 1
) AS held ON true
JOIN instruments_instrument AS former ON former.id = held.instrument_id
WHERE difference.is_new AND difference.expiry IS NULL AND former.expiry IS NULL AND NOT former.listed
    AND former.exchange = difference.exchange AND former.segment = difference.segment
"""


class CannotFollow(Exception):
    """Two instruments cannot be joined, in words."""


def follow_certain_renames(day: date) -> list[tuple[str, str, str]]:
    """Rename what stands where a staged dump leaves no doubt; return exchange, former and new symbol of each.

    Asks the temporary tables of ``instruments.difference``, which have to be made anew if any was renamed.
    """
    with connection.cursor() as cursor:
        cursor.execute(FIND_CERTAIN)
        found = cursor.fetchall()
    for pk, _, _, symbol in found:
        rename_instrument(Instrument.objects.get(pk=pk), symbol, day, by="the dump")
    return [tuple(row[1:]) for row in found]


def ask_uncertain_renames(day: date) -> int:
    """Keep a question for each pair that may be one instrument renamed. Call once the dump has been applied."""
    with connection.cursor() as cursor:
        cursor.execute(FIND_UNCERTAIN)
        found = cursor.fetchall()
    return sum(_ask(former, symbol, expiry, exchange, why, day) for former, symbol, expiry, exchange, why in found)


def _ask(former: Any, symbol: str, expiry: date | None, exchange: str, why: str, day: date) -> bool:
    successor = Instrument.objects.get(exchange=exchange, tradingsymbol=symbol, expiry=expiry)
    names = {"former_symbol": Instrument.objects.get(pk=former).key, "successor_symbol": successor.key}
    _, is_new = RenameQuestion.objects.get_or_create(
        former_id=former, successor=successor, defaults={"day": day, "why": why, **names}
    )
    return is_new


def rename_instrument(instrument: Instrument, symbol: str, day: date, by: str) -> None:
    """Give an instrument another symbol from ``day`` on: whatever is booked, held or deployed of it follows."""
    _keep_name(instrument, day)
    former, instrument.tradingsymbol = instrument.key, symbol
    instrument.save(update_fields=["tradingsymbol"])
    record_event("instrument.renamed", key=instrument.key, payload={"from": former, "to": instrument.key, "by": by})


def _keep_name(instrument: Instrument, day: date) -> None:
    before = instrument.names.order_by("-valid_to").first()
    InstrumentName.objects.create(
        instrument=instrument,
        exchange=instrument.exchange,
        tradingsymbol=instrument.tradingsymbol,
        valid_from=before.valid_to if before else instrument.first_seen,
        valid_to=day,
    )


@transaction.atomic
def follow_rename(question: RenameQuestion, by: str) -> Instrument:
    """Join the two instruments of a question: the former takes the successor's symbol, token and terms.

    Raises CannotFollow if it has been answered, or the successor has been traded itself.
    """
    asked = _asked(question)
    former, successor = asked.former, asked.successor
    if successor is None:
        raise CannotFollow("the new instrument is there no more")
    terms = {name: getattr(successor, name) for name in TAKEN_OVER}
    if successor.tokens.exists() or not successor.listed:
        raise CannotFollow(f"{successor.key} has changed since: it has had other tokens, or is not listed any more")
    _repoint(successor, former)
    asked.state, asked.answered_by, asked.successor = RenameQuestion.State.FOLLOWED, by, None
    asked.save()
    successor.delete()
    for name, value in terms.items():
        setattr(former, name, value)
    former.listed, former.last_seen, former.token_since = True, None, asked.day
    _keep_name(Instrument.objects.get(pk=former.pk), asked.day)
    former.save()
    keys = {"from": asked.former_symbol, "to": former.key, "by": by}
    record_event("instrument.renamed", key=former.key, payload=keys)
    return former


TAKEN_OVER = (
    "tradingsymbol",
    "name",
    "segment",
    "strike",
    "tick_size",
    "lot_size",
    "instrument_token",
    "exchange_token",
    "has_derivatives",
)


@transaction.atomic
def keep_apart(question: RenameQuestion, by: str) -> None:
    """Answer that the two are different instruments. Raises CannotFollow if it has been answered."""
    asked = _asked(question)
    asked.state, asked.answered_by = RenameQuestion.State.APART, by
    asked.save()


def _asked(question: RenameQuestion) -> RenameQuestion:
    asked = RenameQuestion.objects.select_for_update(of=("self",), no_key=True).get(pk=question.pk)
    if asked.state != RenameQuestion.State.ASKED:
        raise CannotFollow("this question has been answered already")
    return asked


def _repoint(successor: Instrument, former: Instrument) -> None:
    """Let every row that points at the successor point at the former. Facts cannot: then nothing is joined."""
    for field in Instrument._meta.get_fields(include_hidden=True):
        if not (field.one_to_many or field.one_to_one) or not field.auto_created:
            continue
        model: type[Model] = field.related_model  # type: ignore[assignment]
        if model in (InstrumentToken, InstrumentName, RenameQuestion):
            continue
        rows = model._base_manager.filter(**{field.field.name: successor})  # type: ignore[union-attr]
        try:
            with transaction.atomic():
                rows.update(**{field.field.name: former})  # type: ignore[union-attr]
        except IntegrityError as refused:
            words = f"{successor.key} has {model._meta.verbose_name_plural} of its own"
            raise CannotFollow(f"{words}: the two cannot be joined") from refused
