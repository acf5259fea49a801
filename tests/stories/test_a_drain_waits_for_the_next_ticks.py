"""A drain with nothing left waits a moment for more: meanwhile nobody need call it, afterwards nothing is missed."""

from alphapanda.core.ids import new_id
from market.stream import TickStream
from trading import wakeups
from trading.ticks import drain


def is_marked_awake(shard):
    return bool(wakeups.valkey().exists(wakeups.mark_of(wakeups.TICKS, shard.pk)))


def test_while_it_waits_nobody_need_call_it(desk, monkeypatch):
    seen = []
    monkeypatch.setattr(TickStream, "wait", lambda *_: seen.append(is_marked_awake(desk.shard)) or [])
    drain.process_ticks(desk.shard.pk)
    assert seen == [True]
    assert not is_marked_awake(desk.shard)


def test_what_comes_just_after_the_wait_is_found_by_the_last_look(desk, monkeypatch):
    """The feed called nobody for it: the drain's own mark was still up when it was appended."""
    comes = iter([lambda: desk.tick("1505.00"), lambda: None])

    def wait(*_):
        next(comes)()
        return []

    monkeypatch.setattr(TickStream, "wait", wait)
    drain.process_ticks(desk.shard.pk)
    desk.shard.refresh_from_db()
    assert (desk.shard.epoch, desk.shard.n) == (desk.epoch, desk.n)


def test_a_wait_ends_with_the_entry_it_waited_for(desk):
    desk.tick("1505.00")
    first, *_ = desk.stream.read(drain.StreamPosition(0, 0))
    assert [entry.position for entry in desk.stream.wait(drain.StreamPosition(0, 0), 10, 5)] == [first.position]
    assert desk.stream.wait(first.position, 10, 0.01) == []
    assert TickStream(wakeups.valkey(), new_id()).wait(first.position, 10, 0.01) == []
