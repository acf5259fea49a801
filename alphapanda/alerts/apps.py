from django.apps import AppConfig


class AlertsConfig(AppConfig):
    name = "alphapanda.alerts"
    label = "alerts"
