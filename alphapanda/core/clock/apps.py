from django.apps import AppConfig
from django.db.models.signals import post_migrate


class ClockConfig(AppConfig):
    name = "alphapanda.core.clock"
    label = "clock"

    def ready(self) -> None:
        from alphapanda.core.clock.services import create_installation

        post_migrate.connect(create_installation, sender=self)
