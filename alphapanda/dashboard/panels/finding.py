"""What the palette finds beyond its own commands: instruments, orders, pages of admin, and a ticket filled in."""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Any
from urllib.parse import urlencode

from django.contrib import admin
from django.urls import reverse

from alphapanda.core import roles
from alphapanda.dashboard.panels.naming import order_words, story_of, symbol_of, tail_of
from alphapanda.dashboard.panels.shell import PaletteCommand
from instruments.models import Instrument
from trading.models import Order

MOST = 6
LEAST_LETTERS = 2
# "buy 65 nifty 24900 ce": what to do, how many if it is said, and of what.
TICKET = re.compile(r"(?P<side>buy|sell)\s+(?:(?P<quantity>[1-9][0-9]{0,7})\s+)?(?P<what>\S.*)", re.IGNORECASE)


def find_commands(text: str, user: Any) -> list[PaletteCommand]:
    """Return what the words name, nearest first; nothing below two letters."""
    said = " ".join(text.split())
    if len(said) < LEAST_LETTERS:
        return []
    if (ticket := TICKET.fullmatch(said)) and roles.may(user, roles.needed(roles.PAGES["place_order"], "")):
        return [ticket_command(one, **_asked(ticket)) for one in Instrument.objects.search(ticket["what"])[:MOST]]
    return [*instruments_named(said), *orders_tagged(said), *admin_pages(said, user)]


def _asked(ticket: re.Match[str]) -> dict[str, str]:
    return {"side": ticket["side"].upper(), "quantity": ticket["quantity"] or ""}


def ticket_command(instrument: Instrument, side: str, quantity: str) -> PaletteCommand:
    """Opens the ticket: what is sent is seen, and asked, there."""
    many = f"{quantity} " if quantity else ""
    filled = urlencode({"side": side, "quantity": quantity, "instrument": instrument.key})
    return {
        "words": f"{side.title()} {many}{words_of(instrument)}: fill in the ticket",
        "href": f"{reverse('dashboard:orders')}?{filled}#place",
    }


def instruments_named(said: str) -> Iterator[PaletteCommand]:
    for one in Instrument.objects.search(said)[:MOST]:
        address = f"{reverse('dashboard:orders')}?{urlencode({'q': one.tradingsymbol})}"
        yield {"words": f"{words_of(one)}: its orders", "href": address}


def words_of(instrument: Instrument) -> str:
    return f"{symbol_of(instrument)} {tail_of(instrument)}".strip() + f", {instrument.exchange}"


def orders_tagged(said: str) -> Iterator[PaletteCommand]:
    if not said.upper().startswith("AP"):
        return
    for order in Order.objects.filter(tag__istartswith=said).select_related("instrument", "account")[:MOST]:
        yield {"words": f"{order_words(order)}, {order.tag}: its story", "href": story_of(order)}


def admin_pages(said: str, user: Any) -> Iterator[PaletteCommand]:
    """Limits, calendars, accounts and the like, for who may look at them."""
    words = said.lower().split()
    for model, page in admin.site._registry.items():
        title = f"Settings: {model._meta.verbose_name_plural}"
        if all(word in title.lower() for word in words) and user.has_perm(_may_view(model)):
            name = f"admin:{model._meta.app_label}_{model._meta.model_name}_changelist"
            yield {"words": title, "href": reverse(name, current_app=page.admin_site.name)}


def _may_view(model: Any) -> str:
    return f"{model._meta.app_label}.view_{model._meta.model_name}"
