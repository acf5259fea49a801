"""How strategies, deployments, runs and evaluations look from outside."""

from typing import Any

from drf_spectacular.utils import extend_schema_field
from rest_framework import serializers

from instruments.named import WithInstrument
from trading.models import Deployment, Evaluation, Run, Strategy
from trading.run.hosts import UnknownStrategy, strategy_class


class ParameterSerializer(serializers.Serializer[Any]):
    """One parameter: what a form needs, and what is allowed."""

    name = serializers.CharField()
    kind = serializers.CharField()
    label = serializers.CharField()
    unit = serializers.CharField()
    help = serializers.CharField()
    default = serializers.JSONField()
    least = serializers.JSONField(allow_null=True)
    most = serializers.JSONField(allow_null=True)
    choices = serializers.ListField(child=serializers.JSONField())


class StrategySerializer(serializers.ModelSerializer[Strategy]):
    parameters = serializers.SerializerMethodField(help_text="Null: its code is not there any more.")

    class Meta:
        model = Strategy
        fields = ("id", "name", "title", "description", "code_hash", "is_available", "parameters")

    @extend_schema_field(ParameterSerializer(many=True, allow_null=True))
    def get_parameters(self, strategy: Strategy) -> list[dict[str, Any]] | None:
        try:
            return strategy_class(strategy.name).Parameters.describe()
        except UnknownStrategy:
            return None


class DeploymentSerializer(serializers.ModelSerializer[Deployment]):
    strategy_name = serializers.CharField(source="strategy.name", read_only=True)
    instruments = serializers.SerializerMethodField(help_text="What it trades and reads, as EXCHANGE:SYMBOL.")
    parameters = serializers.DictField(read_only=True)
    run = serializers.UUIDField(source="open_run", read_only=True, allow_null=True, help_text="The one that goes on.")

    class Meta:
        model = Deployment
        fields = (
            "id",
            "name",
            "account",
            "strategy",
            "strategy_name",
            "instruments",
            "parameters",
            "product",
            "sizing",
            "size",
            "order_style",
            "entry_from",
            "entry_until",
            "flat_by",
            "state",
            "state_reason",
            "state_since",
            "version",
            "run",
        )

    def get_instruments(self, deployment: Deployment) -> list[str]:
        return sorted(instrument.key for instrument in deployment.instruments.all())


class NewParametersSerializer(serializers.Serializer[Any]):
    parameters = serializers.DictField(help_text="By name, as the strategy describes them.")


class RunSerializer(serializers.ModelSerializer[Run]):
    parameters = serializers.DictField(read_only=True)
    terms = serializers.DictField(read_only=True)

    class Meta:
        model = Run
        fields = (
            "id",
            "deployment",
            "number",
            "code_hash",
            "parameters",
            "terms",
            "started_at",
            "ended_at",
            "ended_reason",
        )


class EvaluationSerializer(WithInstrument):
    deployment = serializers.UUIDField(source="run.deployment_id", read_only=True)
    numbers = serializers.DictField(read_only=True)

    class Meta:
        model = Evaluation
        fields = ("id", "deployment", "run", "instrument", "at", "text", "numbers", "nearness")
