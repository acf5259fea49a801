"""Broker sessions: who is logged in and until when. No key, token or part of one is ever shown."""

from django.contrib import admin

from alphapanda.admin_facts import FactAdmin
from trading.models import BrokerSession


@admin.register(BrokerSession)
class BrokerSessionAdmin(FactAdmin):
    list_display = ("account", "state", "user_id", "login_at", "expires_at")
    list_filter = ("state",)
    list_select_related = ("account",)
    search_fields = ("account__name", "user_id")
    fields = ("account", "state", "user_id", "login_at", "expires_at", "version")
