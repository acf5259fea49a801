"""Events are facts: the database itself refuses to change or remove one."""

from django.db import migrations

FORWARDS = """
CREATE FUNCTION refuse_change() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    RAISE EXCEPTION '% is append-only', TG_TABLE_NAME USING ERRCODE = 'restrict_violation';
END $$;
CREATE TRIGGER append_only BEFORE UPDATE OR DELETE ON journal_event
    FOR EACH ROW EXECUTE FUNCTION refuse_change();
"""
BACKWARDS = """
DROP TRIGGER append_only ON journal_event;
DROP FUNCTION refuse_change();
"""


class Migration(migrations.Migration):
    dependencies = [("journal", "0001_initial")]
    operations = [migrations.RunSQL(FORWARDS, BACKWARDS)]
