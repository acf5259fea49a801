"""A shard's memory as a market day opened with it, to run that day again: nothing it does is written."""

from __future__ import annotations

import tempfile
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any
from uuid import UUID

import numpy as np

from instruments.models import CorporateAction, Instrument
from market.board import traded_under
from market.domain.entries import StreamEntry, StreamPosition
from trading.models import DayOpening, Run
from trading.run.callback_slot import CallbackSlot
from trading.run.names import rename_keys
from trading.ticks.inputs import instruments_of, run_of
from trading.ticks.memory import Effects, ShardMemory


class DayMemory(ShardMemory):
    """Hears what the day's runs trade and watch, each from where the stream first tells of it.

    What was subscribed beside them, and what is today, changes nothing a run decides.
    """

    def __init__(self, opening: DayOpening, runs: Iterable[Run]) -> None:
        folder = tempfile.TemporaryDirectory(prefix="ap-day-")
        self._folder = folder  # gone with this memory
        shard = opening.shard
        super().__init__(shard, StreamPosition(opening.epoch, opening.n), CallbackSlot(Path(folder.name) / "slot"))
        of_runs = {one.pk: one for run in runs for one in instruments_of(run)}
        self._of_runs: list[Instrument] = list(of_runs.values())
        self._tokens = traded_under(self._of_runs, opening.day)
        self._seen = set(opening.memory["candles"]["tokens"]) & self._tokens.keys()
        self.restore(opening.memory)
        self.note_splits(CorporateAction.objects.filter(ex_date=opening.day), opening.day)

    def wanted_instruments(self) -> list[tuple[Instrument, bool]]:
        return [(self._tokens[token], True) for token in sorted(self._seen)]

    def apply_entry(self, entry: StreamEntry, effects: Effects) -> dict[int, np.void]:
        if entry.batch is not None:
            told_of = self._tokens.keys() & set(entry.batch.rows["token"].tolist())
            if not told_of <= self._seen:
                self._seen |= told_of
                self.refresh_instruments()
        return super().apply_entry(entry, effects)

    def restore_runs(self, saved: Mapping[UUID, Any]) -> None:
        """Put runs into memory as the opening has them. Raises StrategyFault where one cannot take its state back."""
        for run in Run.objects.filter(pk__in=list(saved)).select_related("deployment__strategy"):
            live, _ = run_of(self, run)
            live.host.restore(rename_keys(saved[run.pk], self.names))
            self.runs[run.pk] = live
        self.hold_back_gone()
