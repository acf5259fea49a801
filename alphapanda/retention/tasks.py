"""The pruning beat asks for."""

from celery import shared_task


@shared_task
def prune_tables() -> None:
    from alphapanda.retention.pruning import prune_when_due

    prune_when_due()
