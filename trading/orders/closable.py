"""How much of a holding may be closed now: exits.md 1, asked alike by the gate, CNC's sale rule and the claim. Pure.

Per account, instrument and product. ``d`` is +1 to close longs (sell) and −1 to close shorts (buy):

    closable_p = max(0, min(d·h_p − X_p − R_p, C − XC − max(F, R)))

with h the booked holdings, X what is out on the closing side, C = Σ max(0, d·h), XC = Σ min(X, max(0, d·h)) over all
portfolios, F = max(0, −d·D) what the broker is known to hold less than our books, and R what of the longs a split or a
bonus issue has not credited yet (R_p the portfolio's): the broker does not hold it either. So nobody's exit flips its
portfolio, all exits together never carry the broker past what is held, and nothing held is left without a way out:
neither opposite nor equal positions of others stand in it.
"""

from __future__ import annotations

from collections.abc import Hashable, Iterable
from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Holding:
    """One portfolio's booked quantity (signed), and what its orders may still buy and sell (units).

    ``receivable`` are units of a long that are not credited yet.
    """

    portfolio: Hashable
    held: int = 0
    buys_out: int = 0
    sells_out: int = 0
    receivable: int = 0

    def closing_out(self, d: int) -> int:
        return self.sells_out if d > 0 else self.buys_out

    def closes(self, d: int) -> int:
        """Units held that an order of that direction would close."""
        return max(0, d * self.held)

    def waiting(self, d: int) -> int:
        """Units of those that nobody can close yet."""
        return min(self.receivable, self.closes(d)) if d > 0 else 0


@dataclass(frozen=True, slots=True)
class Holdings:
    """All portfolios of one account in one instrument and product.

    ``difference`` is D = broker's net − booked − filled and not yet booked, from one settled reading; 0 on paper,
    and 0 while there has been no reading: an exit is never held back because something is unknown.
    """

    rows: tuple[Holding, ...] = ()
    difference: int = 0

    def of(self, portfolio: Hashable) -> Holding:
        return next((row for row in self.rows if row.portfolio == portfolio), Holding(portfolio))

    def shortfall(self, d: int) -> int:
        return max(0, -d * self.difference)

    def closable(self, portfolio: Hashable, side_sign: int) -> int:
        """Return how many units an order of that side (+1 buys, −1 sells) may close for the portfolio now."""
        d = -side_sign
        own = self.of(portfolio)
        held = sum(row.closes(d) for row in self.rows)
        out = sum(min(row.closing_out(d), row.closes(d)) for row in self.rows)
        waiting = sum(row.waiting(d) for row in self.rows)
        own_free = d * own.held - own.closing_out(d) - own.waiting(d)
        return max(0, min(own_free, held - out - max(self.shortfall(d), waiting)))

    def account_net(self) -> int:
        return sum(row.held for row in self.rows)


def gather_holdings(
    held: Iterable[tuple[Hashable, int]],
    out: Iterable[tuple[Hashable, int]],
    difference: int = 0,
    receivable: Iterable[tuple[Hashable, int]] = (),
) -> Holdings:
    """Add up: signed quantities held and signed quantities that may still fill, each with its portfolio.

    ``receivable`` are units not credited yet, one figure a portfolio.
    """
    net: dict[Hashable, int] = {}
    buys: dict[Hashable, int] = {}
    sells: dict[Hashable, int] = {}
    for portfolio, quantity in held:
        net[portfolio] = net.get(portfolio, 0) + quantity
    for portfolio, quantity in out:
        side = buys if quantity > 0 else sells
        side[portfolio] = side.get(portfolio, 0) + abs(quantity)
    waiting = dict(receivable)
    portfolios = dict.fromkeys([*net, *buys, *sells])
    rows = (
        Holding(one, net.get(one, 0), buys.get(one, 0), sells.get(one, 0), waiting.get(one, 0)) for one in portfolios
    )
    return Holdings(tuple(rows), difference)
