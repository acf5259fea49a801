"""People of the tests: who may do what in admin, and by which role."""

from importlib import import_module
from typing import Any

from django.apps import apps
from django.contrib.auth.models import Group, Permission, User
from django.test import Client


def staff(*codenames: str) -> Client:
    """Return the browser of somebody who is let in to admin, with these permissions and no others."""
    user = User.objects.create_user("clerk", is_staff=True)
    user.user_permissions.set(Permission.objects.filter(codename__in=codenames))
    client = Client()
    client.force_login(user)
    return client


def person(name: str, *roles: str, **more: Any) -> User:
    """Return somebody with these roles, as the migration makes them (a test that empties the tables empties them)."""
    import_module("trading.migrations.0023_roles").make_roles(apps, None)
    user = User.objects.create_user(name, **more)
    user.groups.set(Group.objects.filter(name__in=roles))
    return user
