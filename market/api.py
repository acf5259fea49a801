"""REST: quotes from the board, candles from the database, feeds as they say they are; all to read."""

from datetime import datetime
from typing import Any

import django_filters
import redis
from drf_spectacular.utils import OpenApiParameter, extend_schema
from rest_framework import serializers
from rest_framework.exceptions import APIException, ValidationError
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.viewsets import ReadOnlyModelViewSet, ViewSet

from alphapanda.core.asked import AskedByName
from alphapanda.core.clock import market_now
from alphapanda.core.pages import by_cursor
from instruments.models import Instrument
from instruments.named import KEY_WORDS, ByInstrument, WithInstrument
from market.board import read_board
from market.health import feed_report, valkey_client
from market.models import Candle
from market.quotes import Quote, QuoteBoard

MOST_QUOTES = 500


class BoardUnavailable(APIException):
    """Unknown is not empty: a board that cannot be read is not a board without quotes."""

    status_code = 503
    default_detail = "Quotes cannot be read just now."
    default_code = "quotes_unavailable"


class LevelSerializer(serializers.Serializer):
    price = serializers.CharField()
    quantity = serializers.IntegerField()


class QuoteSerializer(serializers.Serializer):
    """Prices are exact decimals as strings; null where there is no sound book."""

    instrument = serializers.CharField(help_text=KEY_WORDS)
    last_price = serializers.CharField()
    bid = serializers.CharField(allow_null=True)
    ask = serializers.CharField(allow_null=True)
    bids = LevelSerializer(many=True)
    asks = LevelSerializer(many=True)
    open = serializers.CharField()
    high = serializers.CharField()
    low = serializers.CharField()
    previous_close = serializers.CharField()
    volume = serializers.IntegerField()
    oi = serializers.IntegerField()
    exchange_time = serializers.DateTimeField(allow_null=True, help_text="The age counts from it.")
    market_time = serializers.DateTimeField(help_text="When it was received, on the market's clock.")
    age_seconds = serializers.FloatField(allow_null=True, help_text="Unknown where the packet carries no time.")
    state = serializers.ChoiceField(["live", "stale", "dead"])


def _price(price: Any) -> str | None:
    return None if price is None else f"{price:f}"


def _levels(levels: Any) -> list[dict[str, Any]]:
    return [{"price": _price(price), "quantity": quantity} for price, quantity in levels]


def quote_json(key: str, quote: Quote, now: datetime) -> dict[str, Any]:
    age = quote.age(now)
    prices = ("last_price", "bid", "ask", "open", "high", "low")
    return {
        "instrument": key,
        **{name: _price(getattr(quote, name)) for name in prices},
        "previous_close": _price(quote.close),
        "bids": _levels(quote.bids),
        "asks": _levels(quote.asks),
        "volume": quote.volume,
        "oi": quote.oi,
        "exchange_time": quote.exchange_time,
        "market_time": quote.market_time,
        "age_seconds": None if age is None else age.total_seconds(),
        "state": quote.state,
    }


def _read_board(instruments: dict[str, Instrument]) -> list[dict[str, Any]]:
    now = market_now()
    try:
        with valkey_client() as client:
            quotes = read_board(QuoteBoard(client), instruments.values(), now)
    except redis.RedisError as error:
        raise BoardUnavailable from error
    found = ((key, quotes[one.pk]) for key, one in instruments.items() if one.pk in quotes)
    return [quote_json(key, quote, now) for key, quote in found]


class QuoteViewSet(AskedByName, ViewSet):
    """The latest packet of instruments; those never heard of are missing from the answer."""

    questions = repeated = ("instrument",)

    @extend_schema(
        parameters=[OpenApiParameter("instrument", str, many=True, required=True, description=KEY_WORDS)],
        responses=QuoteSerializer(many=True),
    )
    def list(self, request: Request) -> Response:
        keys = request.query_params.getlist("instrument")
        if not 1 <= len(keys) <= MOST_QUOTES:
            raise ValidationError({"instrument": f"Give 1 to {MOST_QUOTES} keys such as NSE:INFY."})
        try:
            instruments = Instrument.objects.by_keys(keys)
        except ValueError as problem:
            raise ValidationError({"instrument": str(problem)}) from problem
        if unknown := [key for key in keys if key not in instruments]:
            raise ValidationError({"instrument": f"Unknown: {', '.join(unknown[:10])}"})
        rows = _read_board(instruments)
        return Response(QuoteSerializer(rows, many=True).data)


class CandleSerializer(WithInstrument):
    class Meta:
        model = Candle
        fields = ("instrument", "interval", "start", "open", "high", "low", "close", "volume", "complete")


class CandleFilter(ByInstrument):
    start_from = django_filters.IsoDateTimeFilter("start", "gte")
    start_to = django_filters.IsoDateTimeFilter("start", "lt")

    class Meta:
        model = Candle
        fields = ("interval", "complete")


class CandleViewSet(AskedByName, ReadOnlyModelViewSet):
    """Closed candles, newest first. ``complete`` is false where the feed missed some of the time."""

    queryset = Candle.objects.select_related("instrument")
    serializer_class = CandleSerializer
    filterset_class = CandleFilter
    pagination_class = by_cursor("start", descending=True, most=2000)


class FeedSerializer(serializers.Serializer):
    feed = serializers.CharField()
    is_active = serializers.BooleanField()
    state = serializers.ChoiceField(["live", "stale", "dead", "unknown"])
    reason = serializers.CharField()
    connected = serializers.BooleanField(required=False)
    epoch = serializers.IntegerField(required=False)
    n = serializers.IntegerField(required=False)
    market_time = serializers.DateTimeField(required=False, allow_null=True)
    frame_age_seconds = serializers.FloatField(required=False, allow_null=True)
    silent_seconds = serializers.FloatField(required=False, allow_null=True)
    instruments = serializers.IntegerField(required=False)
    lag_entries = serializers.DictField(child=serializers.IntegerField(), required=False)


class FeedViewSet(AskedByName, ViewSet):
    """Each feed's state as it last said itself, and how far its readers are behind."""

    @extend_schema(responses=FeedSerializer(many=True))
    def list(self, request: Request) -> Response:
        return Response(FeedSerializer(feed_report(), many=True).data)
