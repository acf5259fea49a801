"""Market time as the frames of a replay give it; a pause in the data gets one watermark. Pure."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, datetime, timedelta

from market.domain.entries import from_milliseconds

# In lockstep there are no timers: a pause in the data this long gets one watermark, this long after the last frame.
PAUSE, WATERMARK_AFTER = timedelta(seconds=5), timedelta(seconds=3)


@dataclass
class LockstepTime:
    """``now`` is None until something was heard that carries a time."""

    now: datetime | None = None
    watermarked: bool = True

    def moment_of(self, recorded_ms: int | None, newest_stamp: int) -> datetime | None:
        """Return the time a frame moves the market to: when it was recorded, or else its newest packet's.

        None where that is no later than it is already.
        """
        moment = from_milliseconds(recorded_ms) if recorded_ms else None
        if moment is None and newest_stamp:
            moment = datetime.fromtimestamp(newest_stamp, UTC)
        return None if moment is None or (self.now is not None and moment <= self.now) else moment

    def is_after_pause(self, moment: datetime) -> bool:
        return self.now is not None and moment - self.now > PAUSE

    def move_to(self, moment: datetime) -> None:
        self.now, self.watermarked = moment, False

    def end_pause(self) -> datetime | None:
        """Move to the one watermark of a pause and return its time, which follows from the data; None: it was had."""
        if self.now is None or self.watermarked:
            return None
        self.now, self.watermarked = self.now + WATERMARK_AFTER, True
        return self.now
