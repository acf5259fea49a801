"""Candles a run has learned from, by their content."""

from django.db import migrations, models


class Migration(migrations.Migration):
    dependencies = [("trading", "0015_deployment_hours_are_times")]

    operations = [
        migrations.CreateModel(
            "History",
            [
                (
                    "digest",
                    models.CharField(
                        help_text="SHA-256 of the candles", max_length=64, primary_key=True, serialize=False
                    ),
                ),
                (
                    "candles",
                    models.JSONField(
                        help_text="key, interval, start, open, high, low, close, volume, complete; oldest first"
                    ),
                ),
            ],
            options={"verbose_name_plural": "histories"},
        ),
    ]
