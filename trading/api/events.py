"""What happened, as the journal has it; and the work that was given up, to be done again or dropped."""

from typing import Any

import django_filters
from drf_spectacular.utils import extend_schema
from rest_framework import serializers
from rest_framework.decorators import action
from rest_framework.request import Request
from rest_framework.response import Response

from alphapanda.core.journal.models import DeadLetter, Event
from alphapanda.core.journal.services import drop_dead_letter, replay_dead_letter
from trading.api.access import actor_name
from trading.api.base import ReadViewSet
from trading.api.idempotency import done_once


class EventSerializer(serializers.ModelSerializer[Event]):
    payload = serializers.DictField(read_only=True)

    class Meta:
        model = Event
        fields = (
            "id",
            "kind",
            "account_id",
            "key",
            "correlation",
            "causation",
            "payload",
            "market_time",
            "written_at",
        )


class EventFilter(django_filters.FilterSet):
    of = django_filters.CharFilter("kind", "startswith", label="beginning of the kind, as order.")
    written_at_from = django_filters.IsoDateTimeFilter("written_at", "gte")
    written_at_to = django_filters.IsoDateTimeFilter("written_at", "lt")

    class Meta:
        model = Event
        fields = ("kind", "of", "account_id", "key", "correlation")


class EventViewSet(ReadViewSet):
    """Everything that was recorded, newest first."""

    queryset = Event.objects.all()
    serializer_class = EventSerializer
    filterset_class = EventFilter


class DeadLetterSerializer(serializers.ModelSerializer[DeadLetter]):
    payload = serializers.DictField(read_only=True)

    class Meta:
        model = DeadLetter
        fields = (
            "id",
            "task",
            "partition",
            "key",
            "payload",
            "attempts",
            "error",
            "state",
            "decided_by",
            "created_at",
            "decided_at",
        )


class DeadLetterViewSet(ReadViewSet):
    """Work that failed too often: what it was, why, and what was decided about it."""

    queryset = DeadLetter.objects.all()
    serializer_class = DeadLetterSerializer
    filterset_fields = ("state", "task", "partition", "key")

    def _decided(self, decide: Any) -> Response:
        letter = self.get_object()
        decide(letter, by=actor_name(self.request))
        letter.refresh_from_db()
        return Response(DeadLetterSerializer(letter).data)

    @extend_schema(request=None, responses=DeadLetterSerializer)
    @action(detail=True, methods=["post"])
    @done_once()
    def replay(self, request: Request, pk: str | None = None) -> Response:
        """Make its row pending again."""
        return self._decided(replay_dead_letter)

    @extend_schema(request=None, responses=DeadLetterSerializer)
    @action(detail=True, methods=["post"])
    @done_once()
    def drop(self, request: Request, pk: str | None = None) -> Response:
        """Leave it undone for good."""
        return self._decided(drop_dead_letter)
