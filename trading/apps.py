from django.apps import AppConfig
from django.db.models.signals import post_migrate


class TradingConfig(AppConfig):
    name = "trading"

    def ready(self) -> None:
        from trading.run.strategy_rows import write_strategy_rows

        post_migrate.connect(write_strategy_rows, sender=self)
