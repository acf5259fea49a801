"""An installation's kind and salt never change: the database itself refuses."""

from django.db import migrations

FORWARDS = """
CREATE FUNCTION refuse_rebirth() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    RAISE EXCEPTION 'an installation''s kind and salt are fixed at birth' USING ERRCODE = 'restrict_violation';
END $$;
CREATE TRIGGER fixed_at_birth BEFORE UPDATE ON clock_installation
    FOR EACH ROW WHEN (OLD.kind IS DISTINCT FROM NEW.kind OR OLD.salt IS DISTINCT FROM NEW.salt)
    EXECUTE FUNCTION refuse_rebirth();
"""
BACKWARDS = """
DROP TRIGGER fixed_at_birth ON clock_installation;
DROP FUNCTION refuse_rebirth();
"""


class Migration(migrations.Migration):
    dependencies = [("clock", "0001_initial")]
    operations = [migrations.RunSQL(FORWARDS, BACKWARDS)]
