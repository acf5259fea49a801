"""What this installation is, and what its market's clock says: to look at only."""

from django.contrib import admin

from alphapanda.core.admin import FactAdmin
from alphapanda.core.clock.models import Installation, MarketClock


@admin.register(Installation)
class InstallationAdmin(FactAdmin):
    """The salt that order tags derive from is nobody's to read."""

    list_display = ("kind", "born_at")
    fields = ("kind", "born_at")


@admin.register(MarketClock)
class MarketClockAdmin(FactAdmin):
    list_display = ("market_time", "wall_time", "rate")
    fields = ("market_time", "wall_time", "rate")
