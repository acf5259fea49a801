import pytest
from tablib import Dataset

from alphapanda.core.sheets import ShieldedCsv


@pytest.mark.parametrize("text", ["=1+1", "+1-1", "-2+3", "@SUM(A1)", "\t=1", "\r=1", "plain", "-5.50", "'quoted", ""])
def test_a_text_comes_back_from_a_file_as_it_was(text: str) -> None:
    written = ShieldedCsv().export_data(Dataset([text], headers=["name"]))
    assert ShieldedCsv().create_dataset(written)["name"] == [text]


@pytest.mark.parametrize("text", ["=1+1", "+1-1", "-2+3", "@SUM(A1)", "\t=1", "\r=1"])
def test_no_cell_begins_as_a_formula(text: str) -> None:
    line = ShieldedCsv().export_data(Dataset([text]))
    assert line.lstrip('"').startswith("'")


@pytest.mark.parametrize("number", ["-5.50", "+5", "-1E+3"])
def test_a_number_stays_a_number(number: str) -> None:
    assert ShieldedCsv().export_data(Dataset([number])).strip() == number
