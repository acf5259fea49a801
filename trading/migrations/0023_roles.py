"""Four groups that people can be put into, each with what it may do on the pages, over the API and in admin."""

from django.db import migrations

LOOKING = {"portfolio.account": ["look"]}
LIMITS = {
    "portfolio.account": ["view_account"],
    "trading.deployment": ["view_deployment"],
    "trading.risklimit": ["view_risklimit", "add_risklimit", "change_risklimit"],
}
HOUSE = {
    "auth.user": ["view_user", "add_user", "change_user"],
    "auth.group": ["view_group"],
    "instruments.tradingsession": ["view_tradingsession", "add_tradingsession", "change_tradingsession"],
    "journal.event": ["view_event"],
    "journal.deadletter": ["view_deadletter", "change_deadletter"],
    "portfolio.account": ["add_account", "change_account"],
    "trading.apitoken": ["view_apitoken"],
    "trading.deployment": ["add_deployment", "change_deployment"],
}
ROLES = {
    "viewer": [LOOKING],
    "trader": [LOOKING, {"portfolio.account": ["halt", "trade"]}],
    "risk manager": [LOOKING, {"portfolio.account": ["halt", "ease", "every_account"]}, LIMITS],
    "administrator": [
        LOOKING,
        {"portfolio.account": ["halt", "trade", "ease", "operate", "watch_logs", "every_account"]},
        LIMITS,
        HOUSE,
    ],
}


def make_roles(apps, schema_editor):
    groups = apps.get_model("auth", "Group").objects
    for name, parts in ROLES.items():
        group = groups.get_or_create(name=name)[0]
        for part in parts:
            group.permissions.add(*permissions_of(apps, part))


def permissions_of(apps, part):
    # Django makes permissions after the last migration, and then leaves alone those it meets.
    types = apps.get_model("contenttypes", "ContentType").objects
    permissions = apps.get_model("auth", "Permission").objects
    for label, codenames in part.items():
        app, model = label.split(".")
        kind = types.get_or_create(app_label=app, model=model)[0]
        for codename in codenames:
            words = {"name": f"May {codename.replace('_', ' ')}"}
            yield permissions.get_or_create(content_type=kind, codename=codename, defaults=words)[0]


def remove_roles(apps, schema_editor):
    apps.get_model("auth", "Group").objects.filter(name__in=ROLES).delete()


class Migration(migrations.Migration):
    dependencies = [
        ("auth", "0012_alter_user_first_name_max_length"),
        ("contenttypes", "0002_remove_content_type_name"),
        ("portfolio", "0012_accounts_have_owners"),
        ("trading", "0022_how_far_a_backtest_has_come"),
    ]
    operations = [migrations.RunPython(make_roles, remove_roles)]
