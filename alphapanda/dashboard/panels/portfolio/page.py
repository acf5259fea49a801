"""Portfolio: money, positions with their lots, and the ledger, account by account."""

from __future__ import annotations

from decimal import Decimal
from typing import Any, TypedDict

from alphapanda.core.figures import counted
from alphapanda.dashboard.panels.ages import Age, read_now
from alphapanda.dashboard.panels.context import PageContext
from alphapanda.dashboard.panels.live.net import NetPanel, as_text, net_panel, panel_age
from alphapanda.dashboard.panels.naming import symbol_of, tail_of
from alphapanda.dashboard.panels.portfolio.days import DaysPanel, days_panels
from alphapanda.dashboard.panels.portfolio.ledger import LedgerPanel, ledger_panel
from alphapanda.dashboard.panels.portfolio.positions import PositionsPanel, positions_panel
from alphapanda.dashboard.panels.results import PortfolioDays, add_results
from alphapanda.dashboard.panels.shell import CommonFacts, common_facts
from portfolio.contract_notes import charges_of_day
from portfolio.funds import NoMarginModel, available_funds
from portfolio.models import Account, Lot

SHOWN_LOTS = 60


class PortfolioSnapshot(CommonFacts):
    age: Age
    net: NetPanel
    days: list[DaysPanel]
    accounts: list[AccountRow]
    empty: str
    results: ResultsPanel
    positions: PositionsPanel
    lots: LotsPanel
    ledger: LedgerPanel


def portfolio_snapshot(user: Any) -> PortfolioSnapshot:
    """Return every account's money and holdings. ``user`` sees all: the desk is one family's."""
    page = PageContext()
    days = PortfolioDays(page)
    return {
        **common_facts(page),
        "age": read_now(page),
        "net": net_panel(page, days),
        "days": days_panels(page, days),
        "accounts": [account_row(page, days, account) for account in page.accounts],
        "empty": "" if page.accounts else "No account is open. Admin opens one.",
        "results": results_panel(page, days),
        "positions": positions_panel(page, days),
        "lots": lots_panel(page),
        "ledger": ledger_panel(page),
    }


class FundsFigures(TypedDict):
    free: str | None
    blocked: str | None


class ChargesFigures(TypedDict):
    charges: str | None
    note: str | None


class AccountRow(FundsFigures, ChargesFigures):
    key: str
    name: str
    mode: str
    opening: str | None
    cash: str | None
    net: str | None
    age: Age


def account_row(page: PageContext, days: PortfolioDays, account: Account) -> AccountRow:
    own = days.of_account(account)
    day = add_results(own)
    return {
        "key": str(account.pk),
        "name": account.name,
        "mode": page.mode_of(account),
        "opening": as_text(account.opening_cash),
        "cash": as_text(account.cash),
        **funds_figures(account, days),
        **charges_figures(page, account),
        "net": as_text(day.net),
        "age": panel_age(page, own),
    }


def charges_figures(page: PageContext, account: Account) -> ChargesFigures:
    """The day's charges to the paisa, and as its contract note rounds them."""
    found = charges_of_day(account, page.day)
    return {"charges": as_text(found.exact), "note": as_text(found.note)}


def funds_figures(account: Account, days: PortfolioDays) -> FundsFigures:
    """What positions block and what is free.

    Unknown where the account has no margin model for what it holds, or no price for what may be losing.
    """
    try:
        found = available_funds(account, days.prices)
    except NoMarginModel:
        return {"free": None, "blocked": None}
    return {"free": as_text(found.available), "blocked": as_text(found.blocked)}


class ResultsPanel(TypedDict):
    rows: list[dict[str, Age | str | None]]
    age: Age
    empty: str


def results_panel(page: PageContext, days: PortfolioDays) -> ResultsPanel:
    rows = [
        {
            "key": str(day.portfolio.pk),
            "name": str(day.portfolio),
            "mode": page.mode_of(day.account),
            "realised": as_text(day.result.realised),
            "open": as_text(day.result.open),
            "charges": None if day.result.charges is None else as_text(-day.result.charges),
            "net": as_text(day.result.net),
            "worst": as_text(day.result.worst),
            "age": panel_age(page, [day]),
        }
        for day in days.all
    ]
    return {"rows": rows, "age": panel_age(page, days.all), "empty": "" if rows else "No account is open."}


class LotsPanel(TypedDict):
    counts: str
    age: Age
    rows: list[LotRow]
    empty: str


def lots_panel(page: PageContext) -> LotsPanel:
    """Open lots, the first to close first within each position."""
    lots = Lot.objects.open().select_related("position__instrument", "position__portfolio__account")
    rows = [lot_row(page, lot) for lot in lots.order_by("position__instrument__tradingsymbol", "ordinal")[:SHOWN_LOTS]]
    return {
        "counts": counted(len(rows), "open lot"),
        "age": read_now(page),
        "rows": rows,
        "empty": "" if rows else "No open lot: every position is flat.",
    }


class LotRow(TypedDict):
    key: str
    symbol: str
    tail: str
    book: str
    day: str
    quantity: int
    remaining: int
    price: str | None
    value: str | None
    mode: str


def lot_row(page: PageContext, lot: Lot) -> LotRow:
    position = lot.position
    return {
        "key": str(lot.pk),
        "symbol": symbol_of(position.instrument),
        "tail": tail_of(position.instrument, position.product),
        "book": str(position.portfolio),
        "day": lot.day.strftime("%d %b %Y").lstrip("0"),
        "quantity": lot.quantity,
        "remaining": lot.remaining,
        "price": as_text(lot.price),
        "value": as_text(Decimal(lot.remaining) * lot.price),
        "mode": page.mode_of(position.portfolio.account),
    }
