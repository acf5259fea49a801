"""A slow reader's messages are merged; one that reads nothing is dropped."""

from typing import Any

import orjson

from alphapanda.dashboard.outbox import MOST_UNSENT, Delta, Outbox
from alphapanda.dashboard.prices import Prices

AT = "2026-11-20T09:02:08+00:00"


def delta(**prices: str) -> Delta:
    return Delta.of({key: {"k": key, "p": price} for key, price in prices.items()}, AT)


async def taken(outbox: Outbox) -> dict[str, Any]:
    message: dict[str, Any] = orjson.loads(await outbox.next_text())
    outbox.note_sent()
    return message


async def test_of_one_topic_only_the_newest_snapshot_is_sent() -> None:
    outbox = Outbox(epoch=1)
    outbox.put("live", '"old"')
    outbox.put("orders", '"orders"')
    outbox.put("live", '"new"')
    assert [await outbox.next_text(), await outbox.next_text()] == ['"new"', '"orders"']


async def test_unsent_prices_are_merged_by_instrument_and_the_later_stands() -> None:
    outbox = Outbox(epoch=1)
    for each in (delta(INFY="1", TCS="5"), delta(INFY="2"), delta(INFY="3", SBIN="9")):
        outbox.put_delta(each)
    message = await taken(outbox)
    assert {quote["k"]: quote["p"] for quote in message["data"]["quotes"]} == {"INFY": "3", "TCS": "5", "SBIN": "9"}


async def test_versions_have_no_holes_however_much_was_merged() -> None:
    outbox, versions = Outbox(epoch=7), []
    outbox.put_market('{"quotes":[]}')
    versions.append((await taken(outbox))["version"])
    for burst in (1, 5, 2):
        for _ in range(burst):
            outbox.put_delta(delta(INFY="1"))
        versions.append((await taken(outbox))["version"])
    assert versions == [[7, 0], [7, 1], [7, 2], [7, 3]]


async def test_a_snapshot_of_prices_replaces_the_changes_before_it() -> None:
    outbox = Outbox(epoch=1)
    outbox.put_delta(delta(INFY="1"))
    outbox.put_market('{"quotes":["all"]}')
    outbox.put_delta(delta(INFY="2"))
    assert [(await taken(outbox))["type"] for _ in range(2)] == ["snapshot", "delta"]


async def test_who_reads_none_of_64_is_given_up_and_who_reads_one_is_not() -> None:
    outbox = Outbox(epoch=1)
    for _ in range(MOST_UNSENT):
        outbox.put_delta(delta(INFY="1"))
    assert not outbox.is_full
    await taken(outbox)
    for _ in range(MOST_UNSENT + 1):
        outbox.put_delta(delta(INFY="1"))
    assert outbox.is_full


def row(key: str = "NSE:INFY", **change: str) -> dict[str, Any]:
    return {"k": key, "p": "10.00", "b": None, "a": None, "c": "9.00", "t": AT, "s": "live"} | change


def told(prices: Prices) -> list[tuple[str, str]]:
    delta = prices.take_delta()
    return [(quote["p"], quote["s"]) for quote in delta.quotes.values()] if delta else []


def test_what_the_board_knows_later_is_told() -> None:
    prices = Prices()
    prices.apply_update({"quotes": [row()], "at": AT})
    prices.take_delta()
    prices.put_right({"NSE:INFY": row(p="11.00", t="2026-11-20T09:02:09+00:00")}, AT)
    assert told(prices) == [("11.00", "live")]


def test_what_the_board_knew_earlier_is_not_told_again() -> None:
    prices = Prices()
    prices.apply_update({"quotes": [row(p="12.00", t="2026-11-20T09:02:10+00:00")], "at": AT})
    prices.take_delta()
    prices.put_right({"NSE:INFY": row()}, AT)
    assert (told(prices), prices.latest["NSE:INFY"]["p"]) == ([], "12.00")


def test_a_price_that_has_grown_stale_is_told_though_nothing_traded() -> None:
    prices = Prices()
    prices.apply_update({"quotes": [row(t="2026-11-20T09:02:08.123456+00:00")], "at": AT})
    prices.take_delta()
    prices.put_right({"NSE:INFY": row(t="2026-11-20T09:02:08.123000+00:00", s="stale")}, AT)
    assert told(prices) == [("10.00", "stale")]
