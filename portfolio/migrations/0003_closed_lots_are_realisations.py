import django.db.models.deletion
from django.db import migrations, models


class Migration(migrations.Migration):
    dependencies = [("portfolio", "0002_facts_are_never_edited")]

    operations = [
        migrations.RenameModel("ClosedLot", "Realisation"),
        migrations.AlterField(
            model_name="realisation",
            name="lot",
            field=models.ForeignKey(
                on_delete=django.db.models.deletion.CASCADE, related_name="realisations", to="portfolio.lot"
            ),
        ),
    ]
