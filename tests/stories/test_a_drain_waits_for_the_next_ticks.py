"""A drain with nothing left waits a moment for more: meanwhile nobody need call it, afterwards nothing is missed."""

from alphapanda.core.ids import new_id
from market.stream import TickStream
from trading import wakeups
from trading.ticks import drain


def is_flagged_awake(shard):
    return bool(wakeups.valkey_client().exists(wakeups.awake_flag_of(wakeups.TICKS, shard.pk)))


def test_while_it_waits_nobody_need_call_it(pipeline, monkeypatch):
    seen = []
    monkeypatch.setattr(TickStream, "wait", lambda *_: seen.append(is_flagged_awake(pipeline.shard)) or [])
    drain.process_ticks(pipeline.shard.pk)
    assert seen == [True]
    assert not is_flagged_awake(pipeline.shard)


def test_what_comes_just_after_the_wait_is_found_by_the_last_look(pipeline, monkeypatch):
    """The feed called nobody for it: the drain's own flag was still up when it was appended."""
    comes = iter([lambda: pipeline.tick("1505.00"), lambda: None])

    def wait(*_):
        next(comes)()
        return []

    monkeypatch.setattr(TickStream, "wait", wait)
    drain.process_ticks(pipeline.shard.pk)
    pipeline.shard.refresh_from_db()
    assert (pipeline.shard.epoch, pipeline.shard.n) == (pipeline.epoch, pipeline.n)


def test_a_wait_ends_with_the_entry_it_waited_for(pipeline):
    pipeline.tick("1505.00")
    first, *_ = pipeline.stream.read(drain.StreamPosition(0, 0))
    assert [entry.position for entry in pipeline.stream.wait(drain.StreamPosition(0, 0), 10, 5)] == [first.position]
    assert pipeline.stream.wait(first.position, 10, 0.01) == []
    assert TickStream(wakeups.valkey_client(), new_id()).wait(first.position, 10, 0.01) == []
