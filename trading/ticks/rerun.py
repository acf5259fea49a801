"""Run a market day again: each run hears what it heard, where it heard it, and must decide what it decided.

The gate's decisions are judged again on the cases that were kept with them. Nothing is written.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from datetime import date, datetime, time, timedelta

from alphapanda.core.timezone import IST, day_of
from market.domain.entries import StreamEntry, StreamPosition
from market.kept_stream import kept_file, read_kept
from market.models import Shard
from market.stream import TickStream
from trading import wakeups
from trading.errors import NotAllowed
from trading.models import DayOpening, RiskDecision, Run, RunInput
from trading.risk.cases import unlike_checks
from trading.run.hosts import UnknownStrategy, strategy_class
from trading.strategies.registry import code_hash
from trading.ticks.day_memory import DayMemory
from trading.ticks.input_places import InputsAtPlaces, place_of
from trading.ticks.inputs import apply_input
from trading.ticks.memory import Effects
from trading.ticks.rerun_compare import DayPart, differences
from trading.ticks.trimming import entries_until


@dataclass
class Rerun:
    """What came of it. No ``differences``: every run did again what it had done; ``notes`` say what was left out."""

    shard: str
    day: date
    begins: StreamPosition
    ends: StreamPosition
    entries: int = 0
    runs: int = 0
    decided: Counter[str] = field(default_factory=Counter)
    differences: list[str] = field(default_factory=list)
    notes: list[str] = field(default_factory=list)


def rerun_day(shard: Shard, day: date) -> Rerun:
    """Run a day of a shard again, from its first checkpoint of the day to the last entry it has committed.

    1. The memory the day opened with, and the runs in it.
    2. Each entry of the day, with what runs were told before it.
    3. What they decided, beside what stands in rows.
    Raises NotAllowed where the day's opening is not kept, NotAKeptStream or OSError.
    """
    opening = opening_of(shard, day)
    begins, saved = StreamPosition(opening.epoch, opening.n), opening.memory["runs"]
    told = told_after(shard, begins)
    runs = {run.pk: run for run in [*_runs(saved), *(one.run for one in told if one.kind == "begin")]}
    left_out = {pk: why for pk, run in runs.items() if (why := why_not_again(run))}
    memory = DayMemory(opening, runs.values())
    memory.restore_runs({pk: saved[str(pk)] for pk in runs if str(pk) in saved and pk not in left_out})
    found, since = Rerun(shard.name, day, begins, begins), memory.now
    inputs = InputsAtPlaces(one for one in told if one.run_id in runs and one.run_id not in left_out)
    effects = _play(memory, inputs, entries_of(shard, day, begins), found)
    found.notes += [f"{runs[pk]} is not run again: {why}" for pk, why in left_out.items()]
    part = DayPart(since, memory.now, begins, found.ends, {pk: run for pk, run in runs.items() if pk not in left_out})
    found.runs, found.decided = len(part.runs), Counter(one.decision.kind for one in effects.decisions)
    found.differences += differences(memory, effects, part)
    return found


def opening_of(shard: Shard, day: date) -> DayOpening:
    """Raises NotAllowed."""
    opening = DayOpening.objects.filter(shard=shard, day=day).select_related("shard__feed").first()
    if opening is None:
        raise NotAllowed(f"no opening of {day} is kept of {shard.name}: STREAM_DAYS says how many days are")
    return opening


def _runs(ids: Iterable[str]) -> Iterable[Run]:
    return Run.objects.filter(pk__in=list(ids)).select_related("deployment__strategy")


def why_not_again(run: Run) -> str:
    """Say why a run cannot be run again; empty if it can."""
    try:
        strategy = strategy_class(run.deployment.strategy.name)
    except UnknownStrategy as gone:
        return str(gone)
    return "" if code_hash(strategy) == run.code_hash else "its code is another now"


def told_after(shard: Shard, begins: StreamPosition) -> list[RunInput]:
    """Return what the shard's runs were told after a position, in order."""
    told = RunInput.objects.filter(run__deployment__shard=shard, epoch__gte=begins.epoch)
    heard = told.select_related("run__deployment__strategy").order_by("epoch", "n", "id")
    return [one for one in heard if place_of(one) > begins]


def entries_of(shard: Shard, day: date, begins: StreamPosition) -> Iterator[StreamEntry]:
    """Yield the entries of a day after a position, of its file and then of the stream, as far as they are committed.

    The stream is looked at first: what goes from it meanwhile goes into the file, so nothing can be missed between.
    """
    committed, path = StreamPosition(shard.epoch, shard.n), kept_file(shard.feed.name, day)
    tail = list(entries_until(TickStream(wakeups.valkey_client(), shard.feed_id), begins, committed))
    until = tail[0].position if tail else StreamPosition(committed.epoch, committed.n + 1)
    for entry in read_kept(path) if path.exists() else ():
        if begins < entry.position < until:
            yield entry
    yield from (entry for entry in tail if day_of(entry.market_time) == day)


def _play(memory: DayMemory, inputs: InputsAtPlaces, entries: Iterable[StreamEntry], found: Rerun) -> Effects:
    effects = Effects()
    for entry in entries:
        for told in inputs.take_before(entry.position):
            apply_input(memory, told, effects)
        memory.apply_entry(entry, effects)
        found.entries, found.ends = found.entries + 1, entry.position
    found.notes += [f"the stream has a hole: {words}" for words in effects.gaps]
    return effects


def judge_again(day: date) -> tuple[int, list[str]]:
    """Judge all decisions of a day on the cases kept with them. Returns how many, and in words which differ."""
    begins = datetime.combine(day, time(0), IST)
    of_day = RiskDecision.objects.filter(market_time__gte=begins, market_time__lt=begins + timedelta(days=1))
    with_case = list(of_day.exclude(case={}).select_related("signal").order_by("id"))
    unlike = ((one.signal.key, unlike_checks(one.case, one.checks)) for one in with_case)
    return len(with_case), [
        f"{key}: judged again, {', '.join(codes)} answer otherwise" for key, codes in unlike if codes
    ]
