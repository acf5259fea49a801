"""All that was known when a decision was made, so that it can be made again."""

from django.db import migrations, models


class Migration(migrations.Migration):
    dependencies = [("trading", "0016_histories")]

    operations = [
        migrations.AddField(
            "riskdecision",
            "case",
            models.JSONField(default=dict, help_text="all that was known; empty: decided before it was kept"),
        ),
    ]
