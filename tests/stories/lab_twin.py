"""The engine in memory, fed what a story's pipeline was fed: what both did is compared line by line."""

from __future__ import annotations

from market.domain.entries import START, StreamEntry
from tests.stories.pipeline import DAY, Pipeline
from trading.lab.engine import Engine
from trading.lab.lines import differences, lines_of
from trading.lab.repeating import engine_of
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
