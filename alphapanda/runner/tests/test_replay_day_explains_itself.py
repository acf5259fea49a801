"""What replay_day says before a day is played, and of two days that differ."""

from pathlib import Path

import pytest
from django.core.management import CommandError, call_command

from alphapanda.runner.management.commands.replay_day import first_difference


def test_what_is_not_there_is_said_before_the_day_begins(tmp_path: Path) -> None:
    with pytest.raises(CommandError, match=r"there is no .*none\.csv"):
        call_command("replay_day", str(tmp_path / "none.csv"), "--day", "2024-07-10")
    with pytest.raises(CommandError, match=r"there is no folder .*nowhere"):
        call_command("replay_day", str(tmp_path), "--day", "2024-07-10", "--rows", str(tmp_path / "nowhere" / "rows"))


@pytest.mark.parametrize(
    ("one", "other", "difference"),
    [
        ("a\nb\n", "a\nb\n", None),
        ("a\nb\n", "a\nc\n", ("b", "c")),
        ("a\nb\n", "a\n", ("b", "nothing")),
        ("", "a\n", ("nothing", "a")),
    ],
)
def test_the_first_row_in_which_two_days_differ_is_named(
    tmp_path: Path, one: str, other: str, difference: tuple[str, str] | None
) -> None:
    for name, text in (("one", one), ("other", other)):
        (tmp_path / name).write_text(text)
    assert first_difference(tmp_path / "one", tmp_path / "other") == difference
