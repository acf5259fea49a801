"""Where in the stream runs heard their inputs, and which of them come before an entry when it is heard again."""

from __future__ import annotations

from collections.abc import Iterable

from market.domain.entries import StreamPosition
from trading.models import RunInput


def place_of(told: RunInput) -> StreamPosition:
    """The entry just before which, or on which, it was heard."""
    assert told.epoch is not None
    assert told.n is not None
    return StreamPosition(told.epoch, told.n)


def comes_after(told: RunInput) -> bool:
    """Whether it follows the entry of its place: a fault there, which stopped the run only once it had heard it."""
    return told.kind == "exits_only" and told.payload.get("before_entry") is False


class InputsAtPlaces:
    """Inputs in the order they were heard: by place, there before the entry or after it, then by row."""

    def __init__(self, heard: Iterable[RunInput]) -> None:
        self._waiting = sorted(heard, key=lambda told: (place_of(told), comes_after(told), told.pk))

    def take_before(self, position: StreamPosition) -> list[RunInput]:
        """Return what is to be heard before the entry at ``position``, once."""
        due = [told for told in self._waiting if (place_of(told), comes_after(told)) <= (position, False)]
        self._waiting = self._waiting[len(due) :]
        return due

    def take_rest(self) -> list[RunInput]:
        rest, self._waiting = self._waiting, []
        return rest
