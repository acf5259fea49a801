"""A recording as the entries a lockstep feed makes of it, without a feed."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from pathlib import Path

from market.domain.entries import StreamEntry, StreamPosition
from market.domain.lockstep import LockstepTime
from market.domain.quality import InstrumentRules, QualityFilter
from market.domain.ticks import TickBatch, decode_frame
from market.recording import RecordedFrame, read_recording


def play_recordings(paths: Sequence[Path], rules: Iterable[InstrumentRules]) -> Iterator[StreamEntry]:
    """Yield what ``run_feed --play`` of these recordings appends to the stream. Raises NotARecording."""
    playback = Playback(rules)
    for path in paths:
        for frame in read_recording(path):
            yield from playback.take_frame(frame)
    yield from playback.end()


class Playback:
    """Numbers entries from 1 within one epoch; the first says that ticks may be missing before it."""

    def __init__(self, rules: Iterable[InstrumentRules], epoch: int = 1) -> None:
        self._quality, self._clock = QualityFilter(), LockstepTime()
        self._quality.learn(rules)
        self._epoch, self._n, self._gap = epoch, 0, True

    def take_frame(self, frame: RecordedFrame) -> Iterator[StreamEntry]:
        batch = decode_frame(frame.payload, frame.received_at)
        newest = int(batch.rows["exchange_timestamp"].max(initial=0))
        moment = self._clock.moment_of(frame.market_time, newest)
        if moment is not None:
            if self._clock.is_after_pause(moment):
                yield from self.end()
            self._clock.move_to(moment)
        now = self._clock.now
        if now is None or not (len(batch) or batch.faults):
            return
        streamed = self._quality.check_quality(batch, int(now.timestamp())).streamed
        if len(streamed):
            yield StreamEntry(self._next(), "ticks", now, streamed, gap=self._gap)
            self._gap = False

    def end(self) -> Iterator[StreamEntry]:
        """The watermark of a pause, or of the end: candles close by it."""
        moment = self._clock.end_pause()
        if moment is not None:
            yield StreamEntry(self._next(), "watermark", moment)

    def _next(self) -> StreamPosition:
        self._n += 1
        return StreamPosition(self._epoch, self._n)


def tokens_in(paths: Sequence[Path]) -> dict[int, bool]:
    """Return the tokens recordings tell of, and whether any of their packets carried a time."""
    found: dict[int, bool] = {}
    for path in paths:
        for frame in read_recording(path):
            _note_tokens(decode_frame(frame.payload, frame.received_at), found)
    return found


def _note_tokens(batch: TickBatch, found: dict[int, bool]) -> None:
    for token, stamp in zip(batch.rows["token"].tolist(), batch.rows["exchange_timestamp"].tolist(), strict=True):
        found[token] = found.get(token, False) or stamp > 0
