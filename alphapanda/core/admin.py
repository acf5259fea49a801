"""Admin pages of rows that other code writes: looked at, searched and filtered, never typed in, changed or deleted."""

from typing import Any

from django.http import HttpRequest
from unfold.admin import ModelAdmin, TabularInline


class LookOnly:
    """Only the product's own services write these rows."""

    def has_add_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        return False

    def has_change_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        return False

    def has_delete_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        return False


class FactAdmin(LookOnly, ModelAdmin):
    """A list and a page of facts. Counting every row of a large table just to show a number is not worth its wait."""

    show_full_result_count = False
    list_per_page = 50


class FactInline(LookOnly, TabularInline):
    """Facts that belong to the row above them."""

    extra = 0
    can_delete = False
    hide_title = True

    def get_readonly_fields(self, request: HttpRequest, obj: Any = None) -> Any:
        return self.fields or ()


def name_of(request: HttpRequest) -> str:
    """Who acts, as it is written down beside the act."""
    return request.user.get_username()
