from django.db import migrations, models

CHANGES = """
CREATE FUNCTION trading_order_changes() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    NEW.updated_at = clock_timestamp();
    RETURN NEW;
END $$;

CREATE TRIGGER order_changes BEFORE UPDATE ON trading_order
    FOR EACH ROW WHEN (OLD IS DISTINCT FROM NEW)
    EXECUTE FUNCTION trading_order_changes();
"""


class Migration(migrations.Migration):
    dependencies = [("trading", "0009_exits_are_followed_up")]

    operations = [
        migrations.RenameField(model_name="signal", old_name="expires_at", new_name="send_by"),
        migrations.RenameField(model_name="order", old_name="expires_at", new_name="send_by"),
        migrations.AddField(
            model_name="order",
            name="expires_at",
            field=models.DateTimeField(help_text="market time; a DAY order's day ends then", null=True),
        ),
        migrations.AlterField(
            model_name="order",
            name="updated_at",
            field=models.DateTimeField(auto_now=True, help_text="wall time of the last change"),
        ),
        migrations.RunSQL(
            CHANGES, "DROP TRIGGER order_changes ON trading_order; DROP FUNCTION trading_order_changes;"
        ),
    ]
