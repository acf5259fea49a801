"""What a load changed, exchange by exchange, in numbers and in words."""

from collections.abc import Iterator
from dataclasses import dataclass, field, fields
from datetime import date
from typing import Any

from alphapanda.core.figures import whole

MOST_EXAMPLES = 5
WORDS = {
    "new": "new",
    "relisted": "back",
    "changed": "changed",
    "unchanged": "unchanged",
    "expired": "expired",
    "gone": "gone",
    "recycled": "tokens now another's",
    "renamed": "renamed",
}


@dataclass(slots=True)
class ExchangeChanges:
    """Counts of instruments; ``recycled`` counts tokens that moved from one instrument to another."""

    rows: int = 0
    new: int = 0
    relisted: int = 0
    changed: int = 0
    unchanged: int = 0
    expired: int = 0
    gone: int = 0
    recycled: int = 0
    renamed: int = 0
    columns: dict[str, int] = field(default_factory=dict)
    examples: dict[str, list[str]] = field(default_factory=dict)

    def note_renamed(self, former: str, symbol: str) -> None:
        self.renamed += 1
        examples = self.examples.setdefault("renamed", [])
        if len(examples) < MOST_EXAMPLES:
            examples.append(f"{former} → {symbol}")

    def lines(self) -> Iterator[str]:
        for name, words in WORDS.items():
            if count := getattr(self, name):
                yield f"  {count:>7,} {words}{self._columns_of(name)}"
                yield from (f"            {example}" for example in self.examples.get(name, ()))

    def _columns_of(self, name: str) -> str:
        if name != "changed":
            return ""
        return ": " + ", ".join(f"{column} of {whole(count)}" for column, count in self.columns.items())


@dataclass(slots=True)
class LoadReport:
    sources: list[str]
    day: date | None
    exchanges: dict[str, ExchangeChanges] = field(default_factory=dict)
    left_out: dict[str, int] = field(default_factory=dict)

    @property
    def rows(self) -> int:
        return sum(changes.rows for changes in self.exchanges.values())

    def as_dict(self) -> dict[str, Any]:
        changes = {
            exchange: {part.name: getattr(changes, part.name) for part in fields(changes)}
            for exchange, changes in self.exchanges.items()
        }
        return {"day": str(self.day), "exchanges": changes, "left_out": self.left_out}

    def totals(self) -> dict[str, Any]:
        counts = {name: sum(getattr(changes, name) for changes in self.exchanges.values()) for name in ("rows", *WORDS)}
        return {"day": str(self.day), "exchanges": sorted(self.exchanges), **counts}

    def lines(self) -> Iterator[str]:
        for exchange, changes in self.exchanges.items():
            yield f"{exchange}: {whole(changes.rows)} rows"
            yield from changes.lines()
        for exchange, count in self.left_out.items():
            yield f"{exchange}: {whole(count)} rows left out"
