from django.apps import AppConfig


class JournalConfig(AppConfig):
    name = "alphapanda.core.journal"
    label = "journal"
