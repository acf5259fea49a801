"""Tables as files: what a spreadsheet opens runs nothing, and who reads or writes rows by file may do so by hand."""

from decimal import Decimal, InvalidOperation
from typing import Any

from django.http import HttpRequest
from import_export.admin import ImportExportModelAdmin
from import_export.formats.base_formats import CSV, JSON
from tablib import Dataset
from unfold.admin import ModelAdmin
from unfold.contrib.import_export.forms import ExportForm, ImportForm

# What a spreadsheet takes for a formula: https://owasp.org/www-community/attacks/CSV_Injection
BEGIN_FORMULAS = ("=", "+", "-", "@", "\t", "\r")


def shield_formula(cell: Any) -> Any:
    """Return a text so that a spreadsheet shows it and does not run it. Numbers stay numbers."""
    if isinstance(cell, str) and cell.startswith(BEGIN_FORMULAS) and not is_number(cell):
        return f"'{cell}"
    return cell


def bare_text(cell: Any) -> Any:
    """Return what was shielded as it was before."""
    if isinstance(cell, str) and cell.startswith("'") and cell[1:].startswith(BEGIN_FORMULAS):
        return cell[1:]
    return cell


def is_number(text: str) -> bool:
    try:
        return Decimal(text).is_finite()
    except InvalidOperation:
        return False


class ShieldedCsv(CSV):
    """The library's own escape takes an equals sign away and lets the other five pass."""

    def export_data(self, dataset: Dataset, **kwargs: Any) -> Any:
        rows = [[shield_formula(cell) for cell in row] for row in dataset]
        return super().export_data(Dataset(*rows, headers=dataset.headers), **kwargs)

    def create_dataset(self, in_stream: Any, **kwargs: Any) -> Dataset:
        read = super().create_dataset(in_stream, **kwargs)
        return Dataset(*([bare_text(cell) for cell in row] for row in read), headers=read.headers)


class SheetAdmin(ModelAdmin, ImportExportModelAdmin):
    """Rows that files bring and take: in for who may add and change them, out for who may look at them."""

    formats = (ShieldedCsv, JSON)
    import_form_class = ImportForm
    export_form_class = ExportForm

    def has_import_permission(self, request: HttpRequest) -> bool:
        return self.has_add_permission(request) and self.has_change_permission(request)

    def has_export_permission(self, request: HttpRequest) -> bool:
        return self.has_view_permission(request)
