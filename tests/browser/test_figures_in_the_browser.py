"""The browser writes figures exactly as the server does."""

from datetime import timedelta
from typing import Any

import pytest

from alphapanda.core.figures import age, left
from alphapanda.dashboard.formats import FORMATS

pytestmark = [pytest.mark.django_db(transaction=True)]
FIGURES = [
    "0",
    "-0.004",
    "0.005",
    "1512.4",
    "-1069.21",
    "999",
    "1000",
    "100000",
    "99999.995",
    "1234567.891",
    "-24000000",
    "12345678901.5",
    None,
]
WRITERS = ["plain", "signed", "rupees", "profit", "whole", "signed_whole", "short", "short_rupees", "percent"]
MOMENTS = ["2026-11-20T09:02:08.112Z", "2026-01-01T18:30:00Z", None]
CLOCKS = ["clock_time", "clock_minute", "clock_millis", "long_date", "weekday_date"]
WRITE = """async ([name, values]) => {
  const { FORMATS } = await import("/static/dashboard/js/formats.js");
  return values.map((value) => FORMATS[name](value));
}"""


@pytest.mark.parametrize(("names", "values"), [(WRITERS, FIGURES), (CLOCKS, MOMENTS)])
def test_browser_and_server_write_alike(open_page: Any, names: list[str], values: list[str | None]) -> None:
    page = open_page("/sign-in/")
    for name in names:
        assert page.evaluate(WRITE, [name, values]) == [FORMATS[name](value) for value in values], name


def test_browser_and_server_tell_ages_alike(open_page: Any) -> None:
    page = open_page("/sign-in/")
    seconds = [0, 0.44, 9.9, 10, 59, 99, 100, 600, 7199, 7200, 90000]
    told = page.evaluate(
        """async (values) => {
        const { age } = await import("/static/dashboard/js/formats.js");
        return values.map(age);
        }""",
        seconds,
    )
    assert told == [age(value) for value in seconds]


def test_browser_and_server_tell_what_is_left_alike(open_page: Any) -> None:
    page = open_page("/sign-in/")
    seconds = [-5, 0, 1, 59.9, 60, 3599, 3600, 55620, 90000]
    told = page.evaluate(
        """async (values) => {
        const { left } = await import("/static/dashboard/js/formats.js");
        return values.map(left);
        }""",
        seconds,
    )
    assert told == [left(timedelta(seconds=value)) for value in seconds]


def test_sums_move_exactly_with_prices(open_page: Any) -> None:
    page = open_page("/sign-in/")
    moved = page.evaluate(
        """async () => {
        const { revalue } = await import("/static/dashboard/js/market.js");
        const at = "2026-11-20T09:00:00Z";
        const row = {
          k: "NSE:INFY", quantity: -300, last: "1003.80", open: "720.00", kind: "live", deployment: "d", age: { at },
        };
        const data = { positions: { age: { at }, groups: [{ key: "a", open: "720.00", rows: [row] }] },
          strategies: { groups: [{ key: "a", net: "700.10", rows: [{ key: "d", net: "700.10" }] }] },
          net: { kind: "live", net: "700.10", open: "720.00", others: [] } };
        revalue(data, [{ k: "NSE:INFY", p: "900.00", e: "2026-11-20T09:00:01Z", s: "dead" }]);
        revalue(data, [{ k: "NSE:INFY", p: "900.00", e: null, s: "live" }]);
        revalue(data, [{ k: "NSE:INFY", p: "1003.85", e: "2026-11-20T09:00:01Z", s: "live" }]);
        const { positions, strategies, net } = data;
        return [row.open, positions.groups[0].open, strategies.groups[0].rows[0].net, net.net, net.open];
        }"""
    )
    assert moved == ["705", "705", "685.1", "685.1", "705"]


def test_simulated_money_moves_no_sum_of_real_money_however_both_are_shown(open_page: Any) -> None:
    page = open_page("/sign-in/")
    moved = page.evaluate(
        """async () => {
        const { revalue } = await import("/static/dashboard/js/market.js");
        const at = "2026-11-20T09:00:00Z";
        const row = { k: "NSE:INFY", quantity: 10, last: "100", open: "0", kind: "paper", age: { at } };
        const data = { positions: { age: { at }, groups: [{ key: "a", open: "0", rows: [row] }] },
          net: { kind: "live", net: "0", open: "0", age: { at }, others: [{ kind: "paper", net: "5", age: { at } }] } };
        revalue(data, [{ k: "NSE:INFY", p: "101", e: "2026-11-20T09:00:09Z", s: "live" }]);
        return [data.net.net, data.net.open, data.net.age.at === at, data.net.others[0].net];
        }"""
    )
    assert moved == ["0", "0", True, "15"]
