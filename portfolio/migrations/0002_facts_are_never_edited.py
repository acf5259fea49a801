"""Trades and ledger entries are facts: the database itself refuses to change them."""

from django.db import migrations

REFUSE_CHANGES = """
CREATE FUNCTION portfolio_refuse_change() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    RAISE EXCEPTION '% is append-only: book a correcting entry instead', TG_TABLE_NAME
        USING ERRCODE = 'integrity_constraint_violation';
END $$;

CREATE TRIGGER ledger_append_only BEFORE UPDATE OR DELETE ON portfolio_ledgerentry
    FOR EACH ROW EXECUTE FUNCTION portfolio_refuse_change();
CREATE TRIGGER trade_append_only BEFORE DELETE ON portfolio_trade
    FOR EACH ROW EXECUTE FUNCTION portfolio_refuse_change();
-- Unknown charges may become known, once; nothing else about a trade ever changes.
CREATE TRIGGER trade_charged_once BEFORE UPDATE ON portfolio_trade
    FOR EACH ROW
    WHEN (OLD.charges IS NOT NULL OR NEW.charges IS NULL
          OR (to_jsonb(OLD) - 'charges') IS DISTINCT FROM (to_jsonb(NEW) - 'charges'))
    EXECUTE FUNCTION portfolio_refuse_change();
"""

KEEP_ACCOUNTS_BIRTH = """
CREATE FUNCTION portfolio_keep_birth() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    RAISE EXCEPTION 'the mode, broker and opening cash of an account are fixed at birth'
        USING ERRCODE = 'integrity_constraint_violation';
END $$;

CREATE TRIGGER account_fixed_at_birth BEFORE UPDATE ON portfolio_account
    FOR EACH ROW
    WHEN ((OLD.mode, OLD.broker, OLD.opening_cash, OLD.opened_at)
          IS DISTINCT FROM (NEW.mode, NEW.broker, NEW.opening_cash, NEW.opened_at))
    EXECUTE FUNCTION portfolio_keep_birth();
"""

SAME_ACCOUNT = """
ALTER TABLE portfolio_trade ADD CONSTRAINT trade_portfolio_of_account
    FOREIGN KEY (portfolio_id, account_id) REFERENCES portfolio_portfolio (id, account_id);
ALTER TABLE portfolio_ledgerentry ADD CONSTRAINT ledger_portfolio_of_account
    FOREIGN KEY (portfolio_id, account_id) REFERENCES portfolio_portfolio (id, account_id);
"""


class Migration(migrations.Migration):
    dependencies = [("portfolio", "0001_initial")]
    operations = [
        migrations.RunSQL(
            REFUSE_CHANGES,
            """
            DROP TRIGGER trade_charged_once ON portfolio_trade;
            DROP TRIGGER trade_append_only ON portfolio_trade;
            DROP TRIGGER ledger_append_only ON portfolio_ledgerentry;
            DROP FUNCTION portfolio_refuse_change;
            """,
        ),
        migrations.RunSQL(
            KEEP_ACCOUNTS_BIRTH,
            "DROP TRIGGER account_fixed_at_birth ON portfolio_account; DROP FUNCTION portfolio_keep_birth;",
        ),
        migrations.RunSQL(
            SAME_ACCOUNT,
            """
            ALTER TABLE portfolio_ledgerentry DROP CONSTRAINT ledger_portfolio_of_account;
            ALTER TABLE portfolio_trade DROP CONSTRAINT trade_portfolio_of_account;
            """,
        ),
    ]
