"""Runs, what each was told, why it waited, and the checkpoints a rebuild starts from."""

from django.contrib import admin

from alphapanda.core.admin import FactAdmin
from trading.models import Checkpoint, Evaluation, Run, RunInput


@admin.register(Run)
class RunAdmin(FactAdmin):
    list_display = ("__str__", "started_at", "ended_at", "ended_reason", "short_hash")
    list_filter = ("deployment", "deployment__account")
    list_select_related = ("deployment",)
    search_fields = ("=id", "deployment__name", "code_hash")

    @admin.display(description="code")
    def short_hash(self, run: Run) -> str:
        return run.code_hash[:12]


@admin.register(RunInput)
class RunInputAdmin(FactAdmin):
    list_display = ("written_at", "run", "kind", "ref", "heard_at")
    list_filter = ("kind", "run__deployment")
    list_select_related = ("run__deployment",)
    search_fields = ("=run__id", "ref")
    ordering = ("-id",)

    @admin.display(description="heard at")
    def heard_at(self, told: RunInput) -> str:
        return f"{told.epoch}-{told.n}" if told.epoch is not None else "not heard yet"


@admin.register(Evaluation)
class EvaluationAdmin(FactAdmin):
    list_display = ("at", "run", "instrument", "text", "nearness")
    list_filter = ("run__deployment",)
    list_select_related = ("run__deployment", "instrument")
    search_fields = ("instrument__tradingsymbol", "text")
    ordering = ("-at",)


@admin.register(Checkpoint)
class CheckpointAdmin(FactAdmin):
    """Its memory is large and means something to a rebuild only, so the page leaves it out."""

    list_display = ("shard", "position", "market_time")
    fields = ("shard", "position", "market_time")
    readonly_fields = ("position",)
    list_select_related = ("shard__feed",)

    @admin.display(description="position")
    def position(self, checkpoint: Checkpoint) -> str:
        return f"{checkpoint.epoch}-{checkpoint.n}"
