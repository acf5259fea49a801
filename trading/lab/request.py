"""What a backtest is asked: strategy, instruments, days, data, terms of fills. Bad input is said by field, in words."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import date, time
from decimal import Decimal, InvalidOperation
from pathlib import Path
from typing import Any

from alphapanda.core.figures import rupees
from instruments.domain.order_terms import Product
from trading.lab.bar_path import BadFillTerms, FillTerms
from trading.lab.candle_layout import wrong_answer
from trading.models.strategies import ENTRY_FROM, ENTRY_UNTIL, FLAT_BY
from trading.run.terms import INTRADAY

SIZINGS, STYLES = ("lots", "capital", "risk"), ("market", "limit")
# More than anybody has: beyond it figures lose their last paisa.
MOST, MOST_LOTS = Decimal(10) ** 12, 1_000_000
TIMES = ("entry_from", "entry_until", "flat_by")


class BadRequest(ValueError):
    """What is wrong with a request; ``errors`` by field."""

    def __init__(self, errors: Mapping[str, str]) -> None:
        super().__init__("; ".join(f"{name}: {words}" for name, words in errors.items()))
        self.errors = dict(errors)


@dataclass(frozen=True)
class BacktestRequest:
    """``candles`` are files or folders, ``recordings`` files of our own: one of the two. Money in rupees."""

    strategy: str
    instruments: tuple[str, ...]
    first: date | None = None
    last: date | None = None
    candles: tuple[Path, ...] = ()
    recordings: tuple[Path, ...] = ()
    parameters: Mapping[str, Any] = field(default_factory=dict)
    capital: Decimal = Decimal(1_000_000)
    account: str = ""  # whose limits and margins are asked; empty: none are set
    product: str = Product.MIS
    sizing: str = "capital"
    size: Decimal = Decimal(100_000)
    order_style: str = "market"
    entry_from: time | None = ENTRY_FROM
    entry_until: time | None = ENTRY_UNTIL
    flat_by: time | None = None  # None: as a deployment of this product has it
    fills: FillTerms = field(default_factory=FillTerms)
    answers: Mapping[str, str] = field(default_factory=dict)  # to what the files do not say

    def __post_init__(self) -> None:
        if self.flat_by is None and self.product == INTRADAY:
            object.__setattr__(self, "flat_by", FLAT_BY)
        if errors := self._errors():
            raise BadRequest(errors)

    def _errors(self) -> dict[str, str]:
        found = self._of_instruments() | self._of_money() | self._of_times()
        if bool(self.candles) == bool(self.recordings):
            found["candles"] = "give candles or recordings, one of the two"
        if self.first and self.last and self.first > self.last:
            found["last"] = f"{self.last} is before {self.first}"
        if wrong := wrong_answer(self.answers):
            found["answers"] = wrong
        for name, value, known in (
            ("product", self.product, tuple(Product)),
            ("sizing", self.sizing, SIZINGS),
            ("order_style", self.order_style, STYLES),
        ):
            if value not in known:
                found[name] = f"{value} is none of {', '.join(known)}"
        return found

    def _of_instruments(self) -> dict[str, str]:
        if not self.instruments:
            return {"instruments": "name at least one, as NSE:INFY"}
        if odd := [key for key in self.instruments if not all(key.partition(":"))]:
            return {"instruments": f"{', '.join(odd)}: name the exchange too, as NSE:INFY"}
        if twice := [key for key, times in Counter(self.instruments).items() if times > 1]:
            return {"instruments": f"{', '.join(twice)} is named twice"}
        return {}

    def _of_money(self) -> dict[str, str]:
        found = {
            name: f"more than nothing is needed, and at most {rupees(MOST)}"
            for name, value in (("capital", self.capital), ("size", self.size))
            if not 0 < value <= MOST
        }
        if self.sizing == "lots" and "size" not in found:
            found |= self._of_lots()
        return found

    def _of_lots(self) -> dict[str, str]:
        if not 1 <= self.size <= MOST_LOTS:
            return {"size": f"1 to {MOST_LOTS:,} lots"}
        if self.size % 1:
            return {"size": f"{self.size} lots cannot be bought: use {int(self.size)} or {int(self.size) + 1}"}
        return {}

    def _of_times(self) -> dict[str, str]:
        """The rules of a deployment's form."""
        opens, ends, flat = self.entry_from, self.entry_until, self.flat_by
        if opens and ends and opens >= ends:
            return {"entry_until": f"{ends:%H:%M} is not after {opens:%H:%M}, when entries open"}
        if flat and ends and flat < ends:
            return {"flat_by": f"{flat:%H:%M} is before the last entry at {ends:%H:%M}"}
        return {}

    def terms(self) -> dict[str, Any]:
        """The deployment's terms, as a run keeps them."""
        return {
            "instruments": list(self.instruments),
            "product": self.product,
            "sizing": self.sizing,
            "size": str(self.size),
            "order_style": self.order_style,
            "entry_from": _text(self.entry_from),
            "entry_until": _text(self.entry_until),
            "flat_by": _text(self.flat_by),
        }

    def to_json(self) -> dict[str, Any]:
        share = self.fills.volume_share
        return {
            "strategy": self.strategy,
            **self.terms(),
            "first": _text(self.first),
            "last": _text(self.last),
            "candles": [str(path) for path in self.candles],
            "recordings": [str(path) for path in self.recordings],
            "parameters": dict(self.parameters),
            "capital": str(self.capital),
            "account": self.account,
            "slippage_ticks": str(self.fills.slippage_ticks),
            "slippage_bps": str(self.fills.slippage_bps),
            "volume_share": None if share is None else str(share),
            "answers": dict(self.answers),
        }

    @classmethod
    def from_json(cls, asked: Mapping[str, Any]) -> BacktestRequest:
        """Read what a script or a row says; what is left out is the default. Raises BadRequest."""
        read = _Reader(asked)
        fills = read.fills()
        values = {
            "strategy": read.text("strategy"),
            "instruments": tuple(read.listed("instruments")),
            "first": read.by("first", date.fromisoformat, "a day, as 2025-03-04"),
            "last": read.by("last", date.fromisoformat, "a day, as 2025-03-04"),
            "candles": tuple(map(Path, read.listed("candles"))),
            "recordings": tuple(map(Path, read.listed("recordings"))),
            "parameters": read.mapping("parameters"),
            "account": read.text("account"),
            "answers": read.texts("answers"),
            "fills": fills,
            **{name: read.text(name) for name in ("product", "sizing", "order_style") if asked.get(name)},
            **{name: read.number(name) for name in ("capital", "size") if asked.get(name) is not None},
            **{name: read.by(name, _time_of_day, "a time, as 15:10") for name in TIMES if asked.get(name)},
        }  # fmt: skip
        if unknown := set(asked) - KNOWN:
            read.errors[sorted(unknown)[0]] = f"nothing of this name can be asked; there is {', '.join(sorted(KNOWN))}"
        if not values["strategy"]:
            read.errors["strategy"] = "name one"
        if read.errors:
            raise BadRequest(read.errors)
        return cls(**values)  # type: ignore[arg-type]


# Those that are one text each, as a script, an option or a field of a form gives them.
TEXTS = (
    "strategy", "first", "last", "capital", "account", "product", "sizing", "size", "order_style", *TIMES,
    "slippage_ticks", "slippage_bps",
)  # fmt: skip
KNOWN = frozenset({*TEXTS, "instruments", "candles", "recordings", "parameters", "answers", "volume_share"})


class _Reader:
    """Reads values one by one and gathers what is wrong with them."""

    def __init__(self, asked: Mapping[str, Any]) -> None:
        self.asked, self.errors = asked, dict[str, str]()

    def text(self, name: str) -> str:
        value = self.asked.get(name) or ""
        if not isinstance(value, str) or not value.isprintable():
            self.errors[name] = "a text is wanted"
            return ""
        return value

    def listed(self, name: str) -> list[str]:
        value = self.asked.get(name) or []
        if not isinstance(value, list | tuple) or not all(isinstance(one, str) and one.isprintable() for one in value):
            self.errors[name] = "a list of texts is wanted"
            return []
        return list(value)

    def mapping(self, name: str) -> dict[str, Any]:
        value = self.asked.get(name) or {}
        if not isinstance(value, Mapping):
            self.errors[name] = "names with their values are wanted"
            return {}
        return dict(value)

    def texts(self, name: str) -> dict[str, str]:
        values = self.mapping(name)
        if not all(isinstance(part, str) and part.isprintable() for pair in values.items() for part in pair):
            self.errors[name] = "names with a text each are wanted"
        return values

    def number(self, name: str) -> Decimal:
        value = self.asked.get(name)
        try:
            number = Decimal(str(value))
            if not number.is_finite() or isinstance(value, bool):
                raise InvalidOperation
        except InvalidOperation:
            self.errors[name] = f"{value!r} is no number"
            return Decimal(1)
        return number

    def by(self, name: str, read: Any, wanted: str) -> Any:
        value = self.asked.get(name)
        if value in (None, ""):
            return None
        try:
            return read(value)
        except (TypeError, ValueError):
            self.errors[name] = f"{value!r} is not {wanted}"
            return None

    def fills(self) -> FillTerms:
        given = {
            name: self.number(name)
            for name in ("slippage_ticks", "slippage_bps", "volume_share")
            if self.asked.get(name) is not None
        }
        if "volume_share" in self.asked and self.asked["volume_share"] is None:
            given["volume_share"] = None  # type: ignore[assignment]
        try:
            return FillTerms(**given)
        except BadFillTerms as bad:
            self.errors["slippage" if "slippage" in str(bad) else "volume_share"] = str(bad)
            return FillTerms()


def _time_of_day(text: str) -> time:
    """Raises ValueError, also where a zone is named: times are India's."""
    found = time.fromisoformat(text)
    if found.tzinfo is not None:
        raise ValueError
    return found


def _text(moment: date | time | None) -> str | None:
    return None if moment is None else moment.isoformat()
