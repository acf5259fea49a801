"""What an order made together with those on the other side of its lots, after the charges of both."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from decimal import Decimal
from typing import Any, NotRequired, TypedDict

from django.db.models import Q

from alphapanda.core.figures import clock_time, plain, profit, rupees, weekday_date, whole
from alphapanda.dashboard.formats import money_tone
from alphapanda.dashboard.panels.naming import done_word, story_of
from instruments.domain.order_terms import Side
from portfolio.domain.pnl import known_total
from portfolio.models import Realisation, Trade

PAISA, PRICE = Decimal("0.01"), Decimal("0.0001")
MADE_BY = "fill__order__signal"


@dataclass(frozen=True)
class RoundTrip:
    """The pieces of lots that an order closed (``is_exit``), or that others closed of what it opened."""

    is_exit: bool
    pieces: list[Realisation]

    @property
    def quantity(self) -> int:
        return sum(abs(piece.quantity) for piece in self.pieces)

    @property
    def gross(self) -> Decimal:
        return sum((piece.realised for piece in self.pieces), Decimal(0))

    @property
    def charges(self) -> Decimal | None:
        """Each trade's, by the share of it that stands in these pieces; None: not known."""
        shares = [share for piece in self.pieces for share in (_share(piece, piece.trade), _entry_share(piece))]
        total = known_total(shares)
        return None if total is None else total.quantize(PAISA)

    @property
    def net(self) -> Decimal | None:
        return None if self.charges is None else self.gross - self.charges

    @property
    def others(self) -> list[Trade]:
        """The trades on the other side, each once, in their order."""
        trades = {piece.lot.trade_id: piece.lot.trade for piece in self.pieces}
        if not self.is_exit:
            trades = {piece.trade_id: piece.trade for piece in self.pieces}
        return sorted(trades.values(), key=lambda trade: trade.sequence)

    def average(self, *, of_exit: bool) -> Decimal:
        value = sum(abs(one.quantity) * (one.price if of_exit else one.lot.price) for one in self.pieces)
        return (value / self.quantity).quantize(PRICE)


def _share(piece: Realisation, trade: Trade) -> Decimal | None:
    return None if trade.charges is None else trade.charges * abs(piece.quantity) / abs(trade.signed_quantity)


def _entry_share(piece: Realisation) -> Decimal | None:
    """After a split the units of a lot are not those of its trade: then it is not known."""
    return None if piece.lot.adjustment_id else _share(piece, piece.lot.trade)


def round_trips_of(trades: Iterable[Any]) -> list[RoundTrip]:
    """Return what the trades (ids) of an order ended, and what of theirs has been ended."""
    own = set(trades)
    pieces = Realisation.objects.filter(Q(trade__in=own) | Q(lot__trade__in=own))
    pieces = pieces.select_related(f"trade__{MADE_BY}", f"lot__trade__{MADE_BY}").order_by("trade__sequence")
    ended = RoundTrip(True, [piece for piece in pieces if piece.trade_id in own])
    left = RoundTrip(False, [piece for piece in pieces if piece.trade_id not in own])
    return [trip for trip in (ended, left) if trip.pieces]


class ResultRow(TypedDict):
    key: str
    name: str
    words: str
    money: NotRequired[str]
    href: NotRequired[str | None]


def trip_rows(trips: Iterable[RoundTrip]) -> Iterator[ResultRow]:
    for trip in trips:
        sort = "exit" if trip.is_exit else "entry"
        for nth, trade in enumerate(trip.others):
            yield pair_row(f"{sort} {nth}", "Entry" if trip.is_exit else "Exit", trade)
        charged = rupees(trip.charges) if trip.charges is not None else "charges unknown"
        sums = f"{profit(trip.gross)} less {charged}"
        yield {"key": f"{sort} gross", "name": f"On {whole(trip.quantity)}", "words": sums}
        yield {"key": f"{sort} net", "name": "Round trip", "words": profit(trip.net), "money": money_tone(trip.net)}


def pair_row(key: str, name: str, trade: Trade) -> ResultRow:
    """The trade on the other side, with the story of its order, if one of ours made it."""
    side = Side.BUY if trade.signed_quantity > 0 else Side.SELL
    what = f"{done_word(side)} {whole(abs(trade.signed_quantity))} at {plain(trade.price)}"
    words = f"{what}, {weekday_date(trade.traded_at)} {clock_time(trade.traded_at)}"
    return {"key": key, "name": name, "words": words, "href": story_of(trade.fill.order) if is_ours(trade) else None}


def is_ours(trade: Trade) -> bool:
    return hasattr(trade, "fill")
