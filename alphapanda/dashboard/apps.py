from django.apps import AppConfig


class DashboardConfig(AppConfig):
    name = "alphapanda.dashboard"
    label = "dashboard"
