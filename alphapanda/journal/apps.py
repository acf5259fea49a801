from django.apps import AppConfig


class JournalConfig(AppConfig):
    name = "alphapanda.journal"
    label = "journal"
