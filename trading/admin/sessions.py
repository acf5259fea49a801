"""Who is logged in at a broker and until when, and which scripts hold a token. No key or token is ever shown."""

from django.contrib import admin

from alphapanda.core.admin import FactAdmin
from trading.models import ApiToken, BrokerSession


@admin.register(BrokerSession)
class BrokerSessionAdmin(FactAdmin):
    list_display = ("account", "state", "user_id", "login_at", "expires_at")
    list_filter = ("state",)
    list_select_related = ("account",)
    search_fields = ("account__name", "user_id")
    fields = ("account", "state", "user_id", "login_at", "expires_at", "version")


@admin.register(ApiToken)
class ApiTokenAdmin(FactAdmin):
    """Made and revoked by their owners, through the API."""

    list_display = ("name", "owner", "scope", "created_at", "expires_at")
    list_filter = ("scope",)
    list_select_related = ("token__user",)
    search_fields = ("name", "token__user__username")
    fields = ("name", "owner", "scope", "created_at", "expires_at")
    readonly_fields = ("owner", "created_at", "expires_at")

    @admin.display(description="whose")
    def owner(self, token: ApiToken) -> str:
        return str(token.token.user.get_username())

    @admin.display(description="ends")
    def expires_at(self, token: ApiToken) -> str:
        return f"{token.token.expiry:%d %b %Y}" if token.token.expiry else "never"
