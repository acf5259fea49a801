"""Stored names that changed with the rooms: keys of a checkpoint, and the queue of periodic tasks."""

from django.db import migrations, models

RENAMED_QUEUES = {"desk": "housekeeping"}


def rename_keys(apps, schema_editor):
    """A run's checkpoint said desk and books where it says positions and instruments now."""
    checkpoints = apps.get_model("trading", "Checkpoint")
    for checkpoint in checkpoints.objects.using(schema_editor.connection.alias).iterator():
        for host in checkpoint.memory.get("runs", {}).values():
            if "desk" in host:
                positions = host.pop("desk")
                positions["instruments"] = positions.pop("books")
                host["positions"] = positions
        checkpoint.save(update_fields=["memory"])


def rename_queues(apps, schema_editor):
    """beat writes the schedule of settings anew when it starts; tasks a person added keep their queue."""
    tasks = apps.get_model("django_celery_beat", "PeriodicTask").objects.using(schema_editor.connection.alias)
    for old, new in RENAMED_QUEUES.items():
        tasks.filter(queue=old).update(queue=new)


class Migration(migrations.Migration):
    dependencies = [
        ("trading", "0003_bands_know_when_they_were_told"),
        ("django_celery_beat", "0001_initial"),
    ]

    operations = [
        migrations.AlterField(
            model_name="paperorder",
            name="is_reported",
            field=models.BooleanField(
                default=False, help_text="its last change has been read"
            ),
        ),
        migrations.RunPython(rename_keys, migrations.RunPython.noop),
        migrations.RunPython(rename_queues, migrations.RunPython.noop),
    ]
