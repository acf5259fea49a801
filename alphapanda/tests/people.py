"""People of the tests: who may do what in admin."""

from django.contrib.auth.models import Permission, User
from django.test import Client


def staff(*codenames: str) -> Client:
    """Return the browser of somebody who is let in to admin, with these permissions and no others."""
    user = User.objects.create_user("clerk", is_staff=True)
    user.user_permissions.set(Permission.objects.filter(codename__in=codenames))
    client = Client()
    client.force_login(user)
    return client
