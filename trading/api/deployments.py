"""Strategies, deployments and their runs: read, start, stop, pause, resume, set parameters; and why no trade."""

from collections.abc import Callable

import django_filters
from django.db.models import OuterRef, QuerySet, Subquery
from drf_spectacular.utils import extend_schema
from rest_framework.decorators import action
from rest_framework.request import Request
from rest_framework.response import Response

from alphapanda.core.pages import ByName
from instruments.named import ByInstrument
from trading.api.access import actor_name, require_account
from trading.api.base import ReadViewSet, ReasonSerializer
from trading.api.deployment_shapes import (
    DeploymentSerializer,
    EvaluationSerializer,
    NewParametersSerializer,
    RunSerializer,
    StrategySerializer,
)
from trading.api.idempotency import done_once
from trading.exits.opening import exit_and_stop, exit_deployment
from trading.models import Deployment, Evaluation, Run, Strategy
from trading.run import deployments


class StrategyViewSet(ReadViewSet):
    """Strategies found in code, with the parameters each takes."""

    queryset = Strategy.objects.all()
    serializer_class = StrategySerializer
    pagination_class = ByName
    filterset_fields = ("name", "is_available")


class DeploymentViewSet(ReadViewSet):
    """One strategy with parameters on one account. Each act answers with the deployment as it stands then."""

    queryset = Deployment.objects.select_related("strategy", "account", "shard__feed").prefetch_related("instruments")
    serializer_class = DeploymentSerializer
    pagination_class = ByName
    filterset_fields = ("account", "strategy", "state")
    bodies = {"pause": ReasonSerializer, "parameters": NewParametersSerializer}

    def get_queryset(self) -> QuerySet[Deployment]:
        open_run = Run.objects.filter(deployment=OuterRef("pk"), ended_at__isnull=True).values("pk")
        return super().get_queryset().annotate(open_run=Subquery(open_run))

    def _act(self, act: Callable[[Deployment], object]) -> Response:
        chosen = self.get_object()
        require_account(self.request, chosen.account_id)
        act(chosen)
        return Response(DeploymentSerializer(self.get_object()).data)

    @extend_schema(request=None, responses=DeploymentSerializer)
    @action(detail=True, methods=["post"])
    @done_once()
    def start(self, request: Request, pk: str | None = None) -> Response:
        """Begin a run: it warms up on history, then hears ticks."""
        return self._act(lambda deployment: deployments.start_deployment(deployment, by=actor_name(request)))

    @extend_schema(request=None, responses=DeploymentSerializer)
    @action(detail=True, methods=["post"])
    @done_once()
    def stop(self, request: Request, pk: str | None = None) -> Response:
        """End the run. Refused while it holds a position or has an order out."""
        return self._act(lambda deployment: deployments.stop_deployment(deployment, by=actor_name(request)))

    @extend_schema(request=None, responses=DeploymentSerializer)
    @action(detail=True, methods=["post"])
    @done_once()
    def exit(self, request: Request, pk: str | None = None) -> Response:
        """Leave all it holds, whatever its state; it enters nothing more until it is resumed."""
        return self._act(lambda deployment: exit_deployment(deployment, by=actor_name(request)))

    @extend_schema(request=None, responses=DeploymentSerializer)
    @action(detail=True, methods=["post"])
    @done_once()
    def exit_and_stop(self, request: Request, pk: str | None = None) -> Response:
        """Leave all it holds; the run ends when the last of it is flat."""
        return self._act(lambda deployment: exit_and_stop(deployment, by=actor_name(request)))

    @extend_schema(request=ReasonSerializer, responses=DeploymentSerializer)
    @action(detail=True, methods=["post"])
    @done_once()
    def pause(self, request: Request, pk: str | None = None) -> Response:
        """Let the run decide nothing more; its stops, targets and flat-by time are kept."""
        asked = ReasonSerializer(data=request.data)
        asked.is_valid(raise_exception=True)
        reason = asked.validated_data["reason"]
        return self._act(lambda deployment: deployments.pause_deployment(deployment, actor_name(request), reason))

    @extend_schema(request=None, responses=DeploymentSerializer)
    @action(detail=True, methods=["post"])
    @done_once()
    def resume(self, request: Request, pk: str | None = None) -> Response:
        """Let a paused run decide again."""
        return self._act(lambda deployment: deployments.resume_deployment(deployment, by=actor_name(request)))

    @extend_schema(request=NewParametersSerializer, responses=DeploymentSerializer)
    @action(detail=True, methods=["post"])
    @done_once()
    def parameters(self, request: Request, pk: str | None = None) -> Response:
        """Set a stopped deployment's parameters; each that is not named gets its default."""
        asked = NewParametersSerializer(data=request.data)
        asked.is_valid(raise_exception=True)
        given = asked.validated_data["parameters"]
        return self._act(lambda deployment: deployments.change_parameters(deployment, given, by=actor_name(request)))


class RunFilter(django_filters.FilterSet):
    account = django_filters.UUIDFilter("deployment__account")
    is_open = django_filters.BooleanFilter("ended_at", "isnull")
    started_at_from = django_filters.IsoDateTimeFilter("started_at", "gte")
    started_at_to = django_filters.IsoDateTimeFilter("started_at", "lt")

    class Meta:
        model = Run
        fields = ("account", "deployment", "is_open")


class RunViewSet(ReadViewSet):
    """Deployments from start to stop."""

    queryset = Run.objects.all()
    serializer_class = RunSerializer
    filterset_class = RunFilter


class EvaluationFilter(ByInstrument):
    deployment = django_filters.UUIDFilter("run__deployment")
    at_from = django_filters.IsoDateTimeFilter("at", "gte")
    at_to = django_filters.IsoDateTimeFilter("at", "lt")

    class Meta:
        model = Evaluation
        fields = ("deployment", "run")


class EvaluationViewSet(ReadViewSet):
    """Why there was no trade: sampled waits, in words and numbers."""

    queryset = Evaluation.objects.select_related("instrument", "run")
    serializer_class = EvaluationSerializer
    filterset_class = EvaluationFilter
