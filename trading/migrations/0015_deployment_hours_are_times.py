"""The defaults of a deployment's hours are times, as what is typed is; columns stay as they are."""

import datetime

from django.db import migrations, models


class Migration(migrations.Migration):
    dependencies = [("trading", "0014_backtests")]

    operations = [
        migrations.AlterField(
            "deployment",
            "entry_from",
            models.TimeField(default=datetime.time(9, 20), help_text="no entry before, IST"),
        ),
        migrations.AlterField(
            "deployment",
            "entry_until",
            models.TimeField(default=datetime.time(14, 45), help_text="no entry after, IST"),
        ),
        migrations.AlterField(
            "deployment",
            "flat_by",
            models.TimeField(
                null=True,
                blank=True,
                default=datetime.time(15, 5),
                help_text="an intraday product is flat by then, IST",
            ),
        ),
    ]
