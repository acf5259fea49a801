"""Strategies as found in code: what each does and which parameters it takes."""

from typing import Any

from django.contrib import admin
from django.utils.html import format_html, format_html_join
from django.utils.safestring import SafeString

from alphapanda.core.admin import FactAdmin
from trading.models import Strategy
from trading.run.hosts import UnknownStrategy, strategy_class


@admin.register(Strategy)
class StrategyAdmin(FactAdmin):
    list_display = ("title", "name", "description", "is_available", "deployments_in_words")
    list_filter = ("is_available",)
    search_fields = ("title", "name", "description")
    fields = ("title", "name", "description", "is_available", "code_hash", "parameters_in_words")
    readonly_fields = ("parameters_in_words", "deployments_in_words")

    @admin.display(description="deployments")
    def deployments_in_words(self, strategy: Strategy) -> str:
        return ", ".join(strategy.deployment_set.values_list("name", flat=True)) or "none"

    @admin.display(description="parameters")
    def parameters_in_words(self, strategy: Strategy) -> SafeString | str:
        try:
            described = strategy_class(strategy.name).Parameters.describe()
        except UnknownStrategy as gone:
            return f"{gone}."
        lines = format_html_join("", "<li><b>{}</b>: {}</li>", ((each["label"], words_of(each)) for each in described))
        return format_html("<ul>{}</ul>", lines) if described else "It takes none."


def words_of(described: dict[str, Any]) -> str:
    """ "10 bars, from 3 to 200. How far it looks back." """
    bounds = f", from {described['least']} to {described['most']}" if described["least"] is not None else ""
    choices = f", one of {', '.join(map(str, described['choices']))}" if described["choices"] else ""
    unit = f" {described['unit']}" if described["unit"] else ""
    help_text = f" {described['help']}" if described["help"] else ""
    return f"{described['default']}{unit} by default{bounds}{choices}.{help_text}"
