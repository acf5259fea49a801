"""Pages of a library's own admin, with the doors shut that it leaves open."""

from typing import Any

from allauth.account.models import EmailAddress
from allauth.mfa.models import Authenticator
from allauth.usersessions.models import UserSession
from django.contrib import admin
from django.http import HttpRequest
from django_celery_beat.admin import PeriodicTaskAdmin
from django_celery_beat.models import PeriodicTask

admin.site.unregister(PeriodicTask)
# Nobody gets mail here, and what signs somebody in is theirs: the page "You", or `manage.py second_factor`.
for secret in (EmailAddress, Authenticator, UserSession):
    admin.site.unregister(secret)


@admin.register(PeriodicTask)
class JobAdmin(PeriodicTaskAdmin):
    """Whoever may look at the jobs may not stop them, nor start one."""

    def get_actions(self, request: HttpRequest) -> dict[str, Any]:
        offered = super().get_actions(request)
        if self.has_change_permission(request):
            return offered
        return {name: act for name, act in offered.items() if name not in self.actions}
