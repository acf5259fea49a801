"""What a person would do in Kite itself if Alpha Panda could not: each account's positions, and what rests for them."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable
from typing import NamedTuple, TypedDict

from alphapanda.core.figures import clock_time, counted, plain, whole
from alphapanda.dashboard.panels.ages import Age, read_now
from alphapanda.dashboard.panels.context import PageContext
from alphapanda.dashboard.panels.live.live_accounts import accounts_that_trade
from alphapanda.dashboard.panels.naming import symbol_of, tail_of
from alphapanda.dashboard.panels.shell import CommonFacts, common_facts
from instruments.domain.contracts import largest_order
from instruments.models import FreezeQuantity, Instrument
from portfolio.models import Account, Position
from trading.models import BookDifference, BookReading, SeenOrder
from trading.orders.arming import why_no_orders
from trading.orders.life_cycle import AT_THE_EXCHANGE


class Leg(NamedTuple):
    """What an account holds of one instrument and product: by our books, and as far as known by its broker's."""

    instrument: Instrument
    product: str
    ours: int
    theirs: int

    @property
    def is_short(self) -> bool:
        return self.theirs < 0


class LegRow(TypedDict):
    key: str
    what: str  # "Sell 120"
    name: str
    where: str  # exchange and product, as Kite's order window asks for them
    words: str


class AccountCard(TypedDict):
    key: str
    name: str
    tone: str
    words: str
    first: list[str]  # what rests, to be cancelled first
    rows: list[LegRow]


class HandoverSnapshot(CommonFacts):
    age: Age
    accounts: list[AccountCard]
    empty: str


def handover_snapshot() -> HandoverSnapshot:
    page = PageContext()
    cards = [account_card(account, page) for account in accounts_that_trade()]
    empty = "" if cards else "No live account: nothing is held at a broker."
    return {**common_facts(page), "age": read_now(page), "accounts": cards, "empty": empty}


def account_card(account: Account, page: PageContext) -> AccountCard:
    legs = sorted(legs_of(account, page), key=lambda leg: (not leg.is_short, leg.instrument.key, leg.product))
    problem = why_no_orders(account)
    compared = BookReading.objects.filter(account=account, is_compared=True).order_by("-began_at").first()
    read = f"its positions were last read at {clock_time(compared.market_time)}" if compared else "never read"
    left = f"{counted(len(legs), 'position')} to leave, shorts first." if legs else "Nothing is held there."
    standing = f"takes no new orders ({problem})" if problem else "takes orders"
    return {
        "key": str(account.pk),
        "name": account.name,
        "tone": "warn" if problem else "",
        "words": f"Its broker {standing}; {read}. {left}",
        "first": [resting_words(row) for row in resting_orders(account, page)],
        "rows": [leg_row(leg, page) for leg in legs],
    }


def legs_of(account: Account, page: PageContext) -> Iterable[Leg]:
    """Yield what is to be left: the broker's number where it is known to differ, ours where it is not."""
    ours: dict[tuple[Instrument, str], int] = defaultdict(int)
    for position in Position.objects.open().of_account(account.pk).select_related("instrument"):
        ours[position.instrument, position.product] += position.quantity
    rows = list(BookDifference.objects.filter(account=account, last_seen_at__gte=page.midnight).exclude(quantity=0))
    keys = [f"{row.exchange}:{row.tradingsymbol}" for row in rows]
    listed = Instrument.objects.by_keys(keys)
    theirs = {(listed[key], row.product): row.theirs for key, row in zip(keys, rows, strict=True) if key in listed}
    for instrument, product in dict.fromkeys([*ours, *theirs]):
        held = ours.get((instrument, product), 0)
        leg = Leg(instrument, product, held, theirs.get((instrument, product), held))
        if leg.theirs:
            yield leg


def leg_row(leg: Leg, page: PageContext) -> LegRow:
    verb = "Buy" if leg.is_short else "Sell"
    differs = f"our books say {whole(leg.ours)}" if leg.ours != leg.theirs else ""
    return {
        "key": f"{leg.instrument.key} {leg.product}",
        "what": f"{verb} {whole(abs(leg.theirs))}",
        "name": f"{symbol_of(leg.instrument)} {tail_of(leg.instrument)}".strip(),
        "where": f"{leg.instrument.exchange} {leg.product}",
        "words": "; ".join(filter(None, [differs, slices_words(leg, page)])),
    }


def slices_words(leg: Leg, page: PageContext) -> str:
    """The exchange takes no order above its freeze quantity."""
    freeze = FreezeQuantity.objects.freeze_for(leg.instrument, page.day)
    if freeze is None or abs(leg.theirs) <= (most := largest_order(freeze, leg.instrument.lot_size)):
        return ""
    return f"in orders of at most {whole(most)}"


def resting_orders(account: Account, page: PageContext) -> list[SeenOrder]:
    """Ours and others': what fills while a person sells by hand would be sold twice."""
    rests = SeenOrder.objects.filter(account=account, state__in=AT_THE_EXCHANGE, placed_at__gte=page.midnight)
    return list(rests.order_by("placed_at"))


def resting_words(row: SeenOrder) -> str:
    verb = "buy" if row.signed_quantity > 0 else "sell"
    left = abs(row.signed_quantity) - row.filled_quantity
    price = f"at {plain(row.price)}" if row.price is not None else "at market"
    whose = "ours" if row.tag else "not ours"
    return f"{verb} {whole(left)} {row.tradingsymbol} {row.product} {price}, order {row.broker_order_id}, {whose}"
