"""exits.md 1: how much may be closed; its ten cases, and that no play of the books is stuck or oversold."""

from dataclasses import dataclass, field

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from trading.orders.closable import Holding, Holdings, gather_holdings

SELL, BUY = -1, 1


def books(*rows, broker=None, unbooked=0):
    """Rows of (portfolio, held, sells out, buys out), and what the broker holds."""
    holdings = [Holding(name, held, buys, sells) for name, held, sells, buys in rows]
    net = sum(held for _, held, _, _ in rows)
    return Holdings(tuple(holdings), 0 if broker is None else broker - net - unbooked)


@pytest.mark.parametrize(
    ("why", "holdings", "asked"),
    [
        ("opposite positions both leave", books(("A", 10, 0, 0), ("B", -10, 0, 0), broker=0), [("A", SELL, 10)]),
        ("opposite positions both leave", books(("A", 10, 0, 0), ("B", -10, 0, 0), broker=0), [("B", BUY, 10)]),
        ("the owner sold it outside", books(("A", 10, 0, 0), broker=0), [("A", SELL, 0)]),
        ("of two, the first to ask", books(("A", 10, 0, 0), ("B", 10, 0, 0), broker=10), [("A", SELL, 10)]),
        ("and the second nothing", books(("A", 10, 10, 0), ("B", 10, 0, 0), broker=10), [("B", SELL, 0)]),
        ("of fifteen, the broker's three", books(("A", 10, 0, 0), ("B", 5, 0, 0), broker=3), [("A", SELL, 3)]),
        ("beside a resting target of 6", books(("A", 10, 6, 0)), [("A", SELL, 4)]),
        ("beside its own target, whatever others hold", books(("A", 10, 6, 0), ("B", 10, 0, 0)), [("A", SELL, 4)]),
        ("4 of a cancelled exit not yet booked", books(("A", 10, 4, 0)), [("A", SELL, 6)]),
        ("another's exit filled, not booked", books(("A", 10, 10, 0), ("B", 10, 0, 0), broker=10, unbooked=-10), None),
        ("its own exit unconfirmed", books(("A", 10, 10, 0)), [("A", SELL, 0)]),
        ("an entry of 5 unconfirmed", books(("A", 10, 0, 5), broker=15), [("A", SELL, 10)]),
        ("the owner bought a short back", books(("A", -10, 0, 0), ("B", 4, 0, 0), broker=4), [("A", BUY, 0)]),
        ("and the long beside it leaves", books(("A", -10, 0, 0), ("B", 4, 0, 0), broker=4), [("B", SELL, 4)]),
    ],
)
def test_what_may_be_closed(why, holdings, asked):
    for portfolio, side, quantity in asked or [("B", SELL, 10)]:
        assert holdings.closable(portfolio, side) == quantity, why


def test_quantities_add_up_by_portfolio_and_side():
    holdings = gather_holdings([("A", 10), ("B", -4)], [("A", -3), ("A", -2), ("A", 7), ("C", 1)])
    assert holdings.of("A") == Holding("A", 10, buys_out=7, sells_out=5)
    assert (holdings.of("B"), holdings.of("C")) == (Holding("B", -4), Holding("C", 0, buys_out=1))
    assert (holdings.account_net(), holdings.of("nobody")) == (6, Holding("nobody"))


@dataclass
class Play:
    """Books, what each portfolio has out on each closing side, and what the broker really holds."""

    held: list[int]
    broker: int
    known_broker: int  # as last read
    out: dict = field(default_factory=dict)

    def holdings(self) -> Holdings:
        rows = (
            Holding(p, h, buys_out=self.out.get((p, BUY), 0), sells_out=self.out.get((p, SELL), 0))
            for p, h in enumerate(self.held)
        )
        return Holdings(tuple(rows), self.known_broker - sum(self.held))

    def ask(self, p: int, side: int, share: float) -> None:
        may = self.holdings().closable(p, side)
        self.out[p, side] = self.out.get((p, side), 0) + (max(1, round(may * share)) if may else 0)

    def fill(self, p: int, side: int, quantity: int) -> None:
        quantity = min(quantity, self.out.get((p, side), 0))
        before = self.held[p]
        self.held[p] += side * quantity
        self.broker += side * quantity
        self.known_broker += side * quantity
        self.out[p, side] = self.out.get((p, side), 0) - quantity
        assert quantity == 0 or before * self.held[p] >= 0, "an exit flipped its portfolio"

    def cancel(self, p: int, side: int, quantity: int) -> None:
        self.out[p, side] = max(0, self.out.get((p, side), 0) - quantity)


moves = st.tuples(
    st.sampled_from(["ask", "fill", "cancel"]), st.integers(0, 3), st.sampled_from([BUY, SELL]), st.integers(1, 12)
)


@settings(max_examples=400)
@given(st.lists(st.integers(-12, 12), min_size=4, max_size=4), st.integers(-15, 15), st.lists(moves, max_size=40))
def test_nothing_is_oversold_and_nothing_is_stuck(held, outside, played):
    play = Play(list(held), sum(held) + outside, sum(held) + outside)
    for kind, p, side, number in played:
        if kind == "ask":
            play.ask(p, side, number / 12)
        elif kind == "fill":
            play.fill(p, side, number)
        else:
            play.cancel(p, side, number)
    play.out.clear()  # everything out is cancelled; now let everything go, in any order
    for side in (SELL, BUY):
        before = play.holdings()
        wanted = max(0, sum(row.closes(-side) for row in before.rows) - before.shortfall(-side))
        closed = 0
        for p in range(4):
            play.ask(p, side, 1.0)
            closed += play.out.get((p, side), 0)
            play.fill(p, side, play.out.get((p, side), 0))
        assert closed == wanted


@given(st.lists(st.integers(-12, 12), min_size=1, max_size=4))
def test_without_a_shortfall_every_portfolio_gets_flat(held):
    play = Play(list(held), sum(held), sum(held))
    for p in range(len(held)):
        for side in (SELL, BUY):
            play.ask(p, side, 1.0)
            play.fill(p, side, play.out.get((p, side), 0))
    assert not any(play.held)


def test_what_is_not_credited_yet_is_held_and_cannot_be_sold():
    holdings = gather_holdings([("A", 50), ("B", 10)], [("A", -4)], receivable=[("A", 40), ("B", 0)])
    assert (holdings.of("A").closes(1), holdings.closable("A", -1), holdings.closable("B", -1)) == (50, 6, 10)


def test_what_is_not_credited_yet_does_not_keep_a_short_in():
    holdings = gather_holdings([("A", -10), ("B", 5)], [], receivable=[("B", 5)])
    assert (holdings.closable("A", 1), holdings.closable("B", -1)) == (10, 0)


def test_what_the_broker_lacks_and_what_is_not_credited_yet_are_the_same_shares():
    holdings = gather_holdings([("A", 50)], [], difference=-40, receivable=[("A", 40)])
    assert holdings.closable("A", -1) == 10
