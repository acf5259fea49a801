"""A run's memory kept under a former symbol is found under the new one, whatever form the strategy gave it."""

import pytest

from trading.run.names import rename_keys

NAMES = {"NSE:ZOMATO": "NSE:ETERNAL"}


@pytest.mark.parametrize(
    ("saved", "renamed"),
    [
        ({"NSE:ZOMATO": {"stop": "95"}}, {"NSE:ETERNAL": {"stop": "95"}}),
        ({"NSE:ZOMATO|5": "10:00"}, {"NSE:ETERNAL|5": "10:00"}),
        (["NSE:ZOMATO", "NSE:INFY", 3, None, True, 1.5], ["NSE:ETERNAL", "NSE:INFY", 3, None, True, 1.5]),
        ({"held": {"instrument": "NSE:ZOMATO"}}, {"held": {"instrument": "NSE:ETERNAL"}}),
        ("NSE:ZOMATO-BE", "NSE:ZOMATO-BE"),
        ("sold NSE:ZOMATO at 95", "sold NSE:ZOMATO at 95"),
    ],
)
def test_a_former_key_is_the_current_one_wherever_it_stands_alone(saved, renamed):
    assert rename_keys(saved, NAMES) == renamed


def test_without_a_rename_nothing_is_copied():
    saved = {"NSE:ZOMATO": 1}
    assert rename_keys(saved, {}) is saved
