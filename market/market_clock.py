"""What time it is for a feed: the wall's when live, the practice exchange's when practising, a frame's in lockstep."""

from __future__ import annotations

import threading
import time
from datetime import datetime
from typing import Protocol

import requests
import structlog
from django.conf import settings
from django.db import DatabaseError, connection

from alphapanda.core.clock.market_time import Anchor, wall_now
from alphapanda.core.clock.services import set_market_time

log = structlog.get_logger(__name__)

POLL_SECONDS, ANSWER_SECONDS = 1.0, 2.0
FIRST_ANSWER_SECONDS = 30.0


class FeedClock(Protocol):
    """Never touches the database when asked: the feed's loop must not wait."""

    rate: float

    def now(self) -> datetime: ...

    def start(self) -> None: ...

    def stop(self) -> None: ...


class WallClock:
    """Live: the market's time is the wall's."""

    rate = 1.0

    def now(self) -> datetime:
        return wall_now()

    def start(self) -> None:
        """Nothing to start: the wall's clock runs by itself."""

    def stop(self) -> None:
        """Nothing to stop."""


class ClockUnreachable(Exception):
    """The practice exchange did not say what time it is."""


class PracticeClock:
    """Asks the practice exchange once a second, in a thread, and tells everybody through the database."""

    def __init__(self, url: str, *, store: bool = True) -> None:
        """``store`` False: only look, for whoever does not run the feed."""
        self.url, self.rate, self._store = url, 1.0, store
        self._anchor: Anchor | None = None
        self._newest: datetime | None = None
        self._stopping = threading.Event()
        self._thread = threading.Thread(target=self._run, name="practice clock", daemon=True)

    def now(self) -> datetime:
        """Return market time, run on from the last answer; it never goes back."""
        if self._anchor is None:
            raise ClockUnreachable(self.url)
        moment = self._anchor.at(wall_now())
        self._newest = moment if self._newest is None else max(moment, self._newest)
        return self._newest

    def start(self) -> None:
        """Begin asking. Raises ClockUnreachable if there is no answer within half a minute."""
        deadline = time.monotonic() + FIRST_ANSWER_SECONDS
        while not self.ask():
            if time.monotonic() > deadline:
                raise ClockUnreachable(f"no answer from {self.url}")
            self._stopping.wait(0.2)
        self._thread.start()

    def stop(self) -> None:
        self._stopping.set()

    def ask(self) -> bool:
        """Ask once; False if there was no usable answer, which changes nothing."""
        try:
            answer = requests.get(self.url, timeout=ANSWER_SECONDS).json()
            told, rate = datetime.fromisoformat(answer["market_time"]), float(answer["rate"])
        except (requests.RequestException, ValueError, KeyError, TypeError) as error:
            log.warning("practice_clock_silent", error=str(error))
            return False
        self._anchor, self.rate = Anchor(told, wall_now(), rate), rate
        if self._store:
            self._announce_time(told, rate)
        return True

    def _announce_time(self, told: datetime, rate: float) -> None:
        try:
            set_market_time(told, rate)
        except DatabaseError as error:
            connection.close()
            log.warning("market_time_not_stored", error=str(error))

    def _run(self) -> None:
        while not self._stopping.wait(POLL_SECONDS):
            self.ask()
        connection.close()


def clock_for(kind: str, *, store: bool = True) -> FeedClock:
    """Return the clock of an installation. Raises ClockUnreachable where the settings name none."""
    if kind == "live":
        return WallClock()
    if not settings.PRACTICE_CLOCK_URL:
        raise ClockUnreachable("PRACTICE_CLOCK_URL is not set")
    return PracticeClock(settings.PRACTICE_CLOCK_URL, store=store)
