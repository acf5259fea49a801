from django.apps import AppConfig


class AlphaPandaConfig(AppConfig):
    name = "alphapanda"

    def ready(self) -> None:
        # The checks register themselves, and tasks sent by name need the one Celery application there is.
        from alphapanda import celery, checks  # noqa: F401
        from alphapanda.core import proof

        proof.listen()
