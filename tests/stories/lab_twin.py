"""The engine in memory, fed what a story's pipeline was fed: what both did is compared line by line."""

from __future__ import annotations

from collections.abc import Iterator
from itertools import zip_longest
from typing import Any

import orjson

from market.domain.entries import START, StreamEntry
from tests.stories.pipeline import DAY, Pipeline
from trading.lab.engine import Engine
from trading.lab.lines import lines_of
from trading.lab.repeating import engine_of
from trading.orders.canonical import COLUMNS
from trading.orders.digest import canonical_lines

QUIET_AFTER = 6  # passes over all stages; no entry of a story needs more


def play_in_lockstep(pipeline: Pipeline, *prices: str, **columns: object) -> None:
    """Play prices as a lockstep replay does: the next comes when the last has come to rest."""
    for price in prices:
        pipeline.tick(price, **columns)
        come_to_rest(pipeline)


def come_to_rest(pipeline: Pipeline) -> None:
    pipeline.drain()
    for _ in range(QUIET_AFTER):
        pipeline.quiesce()


def recorded(pipeline: Pipeline) -> list[StreamEntry]:
    return pipeline.stream.read(START, 100_000)


def assert_twins(pipeline: Pipeline) -> Engine:
    """Feed the twin all the pipeline was fed, and compare signals, decisions, orders and fills bit for bit."""
    engine = engine_of(pipeline.account, pipeline.feed, DAY)
    for entry in recorded(pipeline):
        engine.step(entry)
    in_rows, in_memory = list(canonical_lines()), list(lines_of(engine.account))
    if in_rows != in_memory:
        raise AssertionError("rows and memory differ:\n" + "\n".join(differences(in_rows, in_memory)))
    return engine


def differences(in_rows: list[bytes], in_memory: list[bytes]) -> Iterator[str]:
    """Say what differs: lines only one has, and of those that stand in the same place, the columns."""
    only_rows, only_memory = set(in_rows) - set(in_memory), set(in_memory) - set(in_rows)
    pairs = zip_longest(sorted(only_rows), sorted(only_memory))
    for one, other in pairs:
        if one is None or other is None:
            yield f"only in {'memory' if one is None else 'rows'}: {(one or other or b'').decode()[:300]}"
            continue
        row, value = orjson.loads(one), orjson.loads(other)
        for name, was, came in zip(("", *COLUMNS[row[0]]), row, value, strict=False):
            if was != came:
                yield f"{row[:5]} {name}: {_short(was, came)}"


def _short(was: Any, came: Any) -> str:
    if not isinstance(was, list) or not isinstance(came, list):
        return f"{was!r} in rows, {came!r} in memory"
    unlike = [(one, other) for one, other in zip_longest(was, came) if one != other]
    return "; ".join(f"{one!r} in rows, {other!r} in memory" for one, other in unlike[:3])
