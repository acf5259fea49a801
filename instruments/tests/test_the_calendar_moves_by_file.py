"""The calendar by file: in for who may add and change days, out for who may look, and never as a formula or a page."""

from typing import Any

import pytest
from django.core.files.uploadedfile import SimpleUploadedFile
from django.test import Client
from django.urls import reverse

from alphapanda.tests.people import staff
from instruments.models import TradingSession

pytestmark = pytest.mark.django_db

SHEET = "exchange,security_class,day,phases,is_holiday,name,source\nNSE,equity,2027-01-04,[],1,A feast,circular\n"


def calendar(page: str) -> str:
    return reverse(f"admin:instruments_tradingsession_{page}")


def import_file(client: Client) -> list[int]:
    """Go through both steps; the second is asked for even where the first was refused."""
    asked = client.post(calendar("import"), {"format": "0", "import_file": SimpleUploadedFile("a.csv", SHEET.encode())})
    form = (asked.context or {}).get("confirm_form")
    kept = dict(form.initial) if form else {"import_file_name": "a", "original_file_name": "a.csv", "format": "0"}
    return [asked.status_code, client.post(calendar("process_import"), kept).status_code]


@pytest.mark.parametrize("given", [(), ("view",), ("view", "add"), ("view", "change")])
def test_the_calendar_is_imported_only_by_who_may_add_and_change_days(given: tuple[str, ...]) -> None:
    client = staff(*(f"{one}_tradingsession" for one in given))
    assert import_file(client) == [403, 403]
    assert not TradingSession.objects.exists()


def test_who_may_add_and_change_days_imports_them() -> None:
    client = staff("view_tradingsession", "add_tradingsession", "change_tradingsession")
    assert import_file(client) == [200, 302]
    assert TradingSession.objects.get().name == "A feast"


def export(client: Client) -> Any:
    fields = {f"tradingsessionresource_{name}": "on" for name in ("day", "name", "source")}
    return client.post(calendar("export"), {"format": "0", "resource": "", **fields})


def test_the_calendar_is_exported_only_by_who_may_look_at_it() -> None:
    assert export(staff("add_tradingsession", "delete_tradingsession")).status_code == 403


def test_an_export_is_shown_by_a_spreadsheet_and_not_run() -> None:
    day = {"exchange": "NSE", "security_class": "equity", "day": "2027-01-04", "is_holiday": True}
    TradingSession.objects.create(**day, name='=HYPERLINK("http://x")', source="-2+3")
    text = export(staff("view_tradingsession")).content.decode()
    assert "'=HYPERLINK" in text
    assert "'-2+3" in text


def test_html_is_neither_read_nor_written() -> None:
    page = staff("view_tradingsession", "add_tradingsession", "change_tradingsession")
    for name in ("import", "export"):
        offered = page.get(calendar(name)).context["form"].fields["format"].choices
        assert [str(words) for number, words in offered if number] == ["csv", "json"]
