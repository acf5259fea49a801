"""Events to look at; dead letters to replay or drop."""

from collections.abc import Callable

from django.contrib import admin, messages
from django.db.models import QuerySet
from django.http import HttpRequest

from alphapanda.core.admin import FactAdmin, name_of
from alphapanda.core.journal.models import DeadLetter, Event
from alphapanda.core.journal.services import CannotDecide, drop_dead_letter, replay_dead_letter


@admin.register(Event)
class EventAdmin(FactAdmin):
    list_display = ("market_time", "kind", "key", "account_id", "written_at")
    list_filter = ("kind",)
    search_fields = ("=id", "=correlation", "=account_id", "kind", "key")
    ordering = ("-written_at",)


@admin.register(DeadLetter)
class DeadLetterAdmin(FactAdmin):
    list_display = ("created_at", "task", "row", "attempts", "last_line", "state", "decided_by", "decided_at")
    list_filter = ("state", "task")
    search_fields = ("=id", "key", "partition", "error")
    actions = ("replay_chosen", "drop_chosen")

    @admin.display(description="what")
    def row(self, letter: DeadLetter) -> str:
        return str(letter.payload.get("row") or letter.key)

    @admin.display(description="error")
    def last_line(self, letter: DeadLetter) -> str:
        return letter.error.strip().rpartition("\n")[2][:160]

    @admin.action(description="Replay: do the work again", permissions=["decide"])
    def replay_chosen(self, request: HttpRequest, chosen: QuerySet[DeadLetter]) -> None:
        self._each(request, chosen, replay_dead_letter, "is done again")

    @admin.action(description="Drop: leave the work undone", permissions=["decide"])
    def drop_chosen(self, request: HttpRequest, chosen: QuerySet[DeadLetter]) -> None:
        self._each(request, chosen, drop_dead_letter, "is dropped")

    def has_decide_permission(self, request: HttpRequest) -> bool:
        return bool(request.user.has_perm("journal.change_deadletter"))

    def _each(
        self, request: HttpRequest, chosen: QuerySet[DeadLetter], decide: Callable[[DeadLetter, str], None], done: str
    ) -> None:
        for letter in chosen:
            try:
                decide(letter, name_of(request))
            except CannotDecide as refused:
                messages.error(request, f"{letter}: {refused}.")
            else:
                messages.success(request, f"{letter} {done}.")
