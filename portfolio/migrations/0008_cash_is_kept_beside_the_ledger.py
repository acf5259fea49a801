"""An account's cash is one row, not a sum of years."""

from decimal import Decimal

from django.db import migrations, models

SUM_LEDGERS = """
UPDATE portfolio_account AS account SET cash = summed.total
FROM (SELECT account_id, sum(amount) AS total FROM portfolio_ledgerentry GROUP BY account_id) AS summed
WHERE summed.account_id = account.id
"""


class Migration(migrations.Migration):
    dependencies = [("portfolio", "0007_notes_in_whole_rupees")]
    operations = [
        migrations.AddField(
            model_name="account",
            name="cash",
            field=models.DecimalField(
                decimal_places=4,
                default=Decimal("0"),
                editable=False,
                help_text="The sum of its ledger, kept with each entry by booking.py.",
                max_digits=18,
            ),
        ),
        migrations.RunSQL(SUM_LEDGERS, migrations.RunSQL.noop),
    ]
