"""The engine of a play of candles: its last ticks are the candles' prices, and instruments are asked for by token."""

from __future__ import annotations

from decimal import Decimal

from market.domain.ticks import divisor_for
from trading.lab.bar_board import BarBoard
from trading.lab.engine import Engine, LabRun
from trading.run.position import RunPosition
from trading.strategies.values import Tick


class BarEngine(Engine):
    def tick_of(self, key: str) -> Tick | None:
        assert isinstance(self.board, BarBoard)
        return self.board.tick(self.tokens[key], key)

    def runs_of(self, token: int) -> list[LabRun]:
        """The runs that trade or watch an instrument."""
        key = self.instruments[token].key
        return [run for run in self.runs if key in run.keys]

    def positions_of(self, token: int) -> list[RunPosition]:
        key = self.instruments[token].key
        return [run.host.position_of(key) for run in self.runs if key in run.keys]

    def levels_of(self, token: int) -> list[int]:
        """Stops and targets of who holds: what a path must not pass unseen."""
        levels = [level for one in self.positions_of(token) if one.quantity for level in (one.stop, one.target)]
        return [self.wire_of(token, level) for level in levels if level is not None]

    def wire_of(self, token: int, price: Decimal) -> int:
        return int(price * divisor_for(token))

    @property
    def busy(self) -> set[int]:
        """The instruments of all that is to be judged, sent, matched, heard or left."""
        account = self.account
        found = {signal.instrument_id for signal in account.new_signals}
        found |= {order.instrument_id for order in account.live.values()}
        found |= {plan.instrument_id for plan in account.open_plans.values()}
        return found | {self.tokens[news.payload["instrument"]] for news in account.news}

    @property
    def any_engaged(self) -> bool:
        """Whether a run holds or has asked for anything, or the account has anything to do."""
        return self.account.is_waiting or any(run.host.is_engaged for run in self.runs)
