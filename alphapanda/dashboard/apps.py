"""The pages: where the market, the strategies, the orders and the books meet on one sheet."""

from django.apps import AppConfig


class DashboardConfig(AppConfig):
    name = "alphapanda.dashboard"
    label = "dashboard"
    verbose_name = "Dashboard"
