"""Registers the instruments app."""

from django.apps import AppConfig


class InstrumentsConfig(AppConfig):
    name = "instruments"
    verbose_name = "Instruments and calendar"

    def ready(self) -> None:
        from instruments import health  # noqa: F401  (registers the calendar's system check)
