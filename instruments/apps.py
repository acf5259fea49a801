"""Registers the instruments app."""

from django.apps import AppConfig
from django.db.models.signals import post_migrate


class InstrumentsConfig(AppConfig):
    name = "instruments"
    verbose_name = "Instruments and calendar"

    def ready(self) -> None:
        from instruments import health  # noqa: F401  (registers the calendar's system check)
        from instruments.protections import seed_protections

        post_migrate.connect(seed_protections, sender=self, dispatch_uid="instruments.protections")
