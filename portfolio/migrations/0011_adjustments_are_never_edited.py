"""Splits and bonus issues as booked are facts: the database itself refuses to change them."""

from django.db import migrations


class Migration(migrations.Migration):
    dependencies = [("portfolio", "0010_adjustments")]
    operations = [
        migrations.RunSQL(
            """
            CREATE TRIGGER adjustment_append_only BEFORE UPDATE OR DELETE ON portfolio_adjustment
                FOR EACH ROW EXECUTE FUNCTION portfolio_refuse_change();
            """,
            "DROP TRIGGER adjustment_append_only ON portfolio_adjustment;",
        )
    ]
