from django.apps import AppConfig
from django.conf import settings
from django.db.models.signals import post_migrate, post_save


class TradingConfig(AppConfig):
    name = "trading"

    def ready(self) -> None:
        from trading.models.tokens import end_tokens
        from trading.run.strategy_rows import write_strategy_rows

        post_migrate.connect(write_strategy_rows, sender=self)
        post_save.connect(end_tokens, sender=settings.AUTH_USER_MODEL)
