"""Backtests: ask, read, take back."""

from typing import Any

from drf_spectacular.types import OpenApiTypes
from drf_spectacular.utils import extend_schema
from rest_framework import serializers, status
from rest_framework.decorators import action
from rest_framework.exceptions import ValidationError
from rest_framework.request import Request
from rest_framework.response import Response

from trading.api.access import actor_name
from trading.api.base import ReadViewSet
from trading.api.idempotency import done_once
from trading.lab.jobs import ask_backtest, cancel_backtest, candles_here, within_folder
from trading.lab.request import KNOWN, BacktestRequest, BadRequest
from trading.models import Backtest
from trading.strategies.parameters import BadParameters

COLUMNS = (
    "id", "strategy", "request", "state", "asked_by", "asked_at", "started_at", "finished_at", "day", "days_played",
    "error", "code_hash", "data_digest",
)  # fmt: skip


class BacktestSerializer(serializers.ModelSerializer[Backtest]):
    class Meta:
        model = Backtest
        fields = COLUMNS
        read_only_fields = COLUMNS


class BacktestResultSerializer(BacktestSerializer):
    class Meta(BacktestSerializer.Meta):
        fields = (*COLUMNS, "result")  # type: ignore[assignment]
        read_only_fields = fields  # type: ignore[assignment]


class BacktestViewSet(ReadViewSet):
    """What a strategy would have done. A list leaves the results out; one backtest has its own."""

    queryset = Backtest.objects.defer("result")
    serializer_class = BacktestSerializer
    filterset_fields = ("state", "strategy")
    bodies = {"create": KNOWN}

    @extend_schema(responses=BacktestResultSerializer)
    def retrieve(self, request: Request, *args: Any, **kwargs: Any) -> Response:
        return Response(BacktestResultSerializer(self.get_object()).data)

    @extend_schema(request=OpenApiTypes.OBJECT, responses={202: BacktestSerializer})
    @done_once()
    def create(self, request: Request) -> Response:
        """Ask for one: strategy, instruments, first, last, candles (names in the lab's folder), parameters, …"""
        try:
            asked = BacktestRequest.from_json(within_folder(request.data))
            job = ask_backtest(asked, actor_name(request))
        except BadRequest as bad:
            raise ValidationError({name: [words] for name, words in bad.errors.items()}) from bad
        except BadParameters as bad:
            raise ValidationError({"parameters": {name: list(words) for name, words in bad.errors.items()}}) from bad
        return Response(BacktestSerializer(job).data, status=status.HTTP_202_ACCEPTED)

    @extend_schema(request=None, responses={202: BacktestSerializer})
    @action(detail=True, methods=["post"])
    @done_once()
    def cancel(self, request: Request, pk: str | None = None) -> Response:
        """Take it back, also while it runs."""
        job = self.get_object()
        cancel_backtest(job, actor_name(request))
        job.refresh_from_db()
        return Response(BacktestSerializer(job).data, status=status.HTTP_202_ACCEPTED)

    @extend_schema(responses=OpenApiTypes.OBJECT)
    @action(detail=False, methods=["get"])
    def candles(self, request: Request) -> Response:
        """The files of candles there are, by the names a request gives them."""
        return Response({"candles": candles_here()})
