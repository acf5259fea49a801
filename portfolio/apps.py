from django.apps import AppConfig
from django.db.models.signals import post_migrate


class PortfolioConfig(AppConfig):
    name = "portfolio"

    def ready(self) -> None:
        from portfolio.charging import seed_charge_rates

        post_migrate.connect(seed_charge_rates, sender=self, dispatch_uid="portfolio.charge_rates")
