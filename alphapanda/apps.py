from django.apps import AppConfig


class AlphaPandaConfig(AppConfig):
    name = "alphapanda"

    def ready(self) -> None:
        from alphapanda import checks  # noqa: F401 (registers what is wrong with an environment)
