from datetime import UTC, datetime

from django.db import migrations, models


class Migration(migrations.Migration):
    """A band without a time is as good as none: it is asked for again."""

    dependencies = [("trading", "0002_api_tokens")]
    operations = [
        migrations.RunSQL("DELETE FROM trading_priceband", migrations.RunSQL.noop),
        migrations.AddField(
            model_name="priceband",
            name="told_at",
            field=models.DateTimeField(
                default=datetime(2026, 1, 1, tzinfo=UTC), help_text="market time at which the broker told it"
            ),
            preserve_default=False,
        ),
    ]
