"""All prices that browsers see: kept up by the feed's updates, and put right from the quote board every few seconds."""

from datetime import datetime, timedelta
from typing import Any

from alphapanda.core.clock.market_time import market_now
from alphapanda.core.figures import iso
from alphapanda.dashboard.outbox import Delta, encode_json
from instruments.models import Instrument
from market.board import quote_board, read_board
from market.domain.ticks import to_wire
from market.quotes import Quote
from market.updates import wire_text

Row = dict[str, Any]
# Both are written in milliseconds, and may be cut off differently.
PRECISION = timedelta(milliseconds=1)


class Prices:
    """The latest row of each instrument, in the shape the feed sends: k, p, b, a, c, t, e, s."""

    def __init__(self) -> None:
        self.latest: dict[str, Row] = {}
        self.at = ""
        self.is_primed = False
        self._changed: dict[str, Row] = {}
        self._text = ""

    def apply_update(self, payload: dict[str, Any]) -> None:
        """Take in the feed's update."""
        self._apply_rows({row["k"]: row for row in payload["quotes"]}, payload["at"])

    def put_right(self, rows: dict[str, Row], at: str) -> None:
        """Take in what the board says: updates that were lost, and prices that have grown stale since."""
        self.latest = {key: row for key, row in self.latest.items() if key in rows}
        self._apply_rows({key: row for key, row in rows.items() if is_news(row, self.latest.get(key))}, at)
        self.is_primed = True

    def _apply_rows(self, rows: dict[str, Row], at: str) -> None:
        self.latest.update(rows)
        self._changed.update(rows)
        self.at, self._text = at, ""

    def take_delta(self) -> Delta | None:
        """Return what has changed since the last time, or None."""
        changed, self._changed = self._changed, {}
        return Delta.of(changed, self.at) if changed else None

    def snapshot(self) -> str:
        """Return all prices as JSON, made once for every browser that asks before they change."""
        if not self._text:
            self._text = encode_json({"at": self.at, "quotes": list(self.latest.values())})
        return self._text


def is_news(row: Row, known: Row | None) -> bool:
    if known is None:
        return True
    differs = any(row[name] != known[name] for name in ("p", "b", "a", "c", "s"))
    return differs and moment_of(row) >= moment_of(known) - PRECISION


def moment_of(row: Row) -> datetime:
    return datetime.fromisoformat(row["t"])


def board_rows() -> tuple[dict[str, Row], str]:
    """Return the board's rows of every instrument somebody subscribed, and the market time they are judged at."""
    now = market_now()
    found = Instrument.objects.filter(subscriptions__isnull=False).distinct()
    keys = {instrument.pk: instrument.key for instrument in found}
    quotes = read_board(quote_board(), found, now)
    return {keys[pk]: row_of(keys[pk], quote) for pk, quote in quotes.items()}, str(iso(now))


def row_of(key: str, quote: Quote) -> Row:
    def text(price: Any) -> str | None:
        return None if price is None else wire_text(to_wire(price, quote.token), quote.token)

    return {
        "k": key,
        "p": text(quote.last_price),
        "b": text(quote.bid),
        "a": text(quote.ask),
        "c": text(quote.close),
        "t": iso(quote.market_time),
        "e": iso(quote.exchange_time),
        "s": str(quote.state),
    }
