"""REST: the addresses under /api/v1/, the health of all parts, the OpenAPI schema and a page to try it."""

from difflib import get_close_matches
from inspect import getdoc
from typing import Any

from django.contrib.auth.decorators import login_required
from django.urls import URLPattern, URLResolver, include, path, re_path, reverse
from drf_spectacular.utils import extend_schema
from drf_spectacular.views import SpectacularAPIView, SpectacularSwaggerSplitView
from rest_framework import serializers
from rest_framework.exceptions import NotFound
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.routers import SimpleRouter
from rest_framework.views import APIView

from alphapanda import health
from alphapanda.core.asked import AskedByName
from alphapanda.core.clock.market_time import market_now, wall_now
from alphapanda.core.journal.models import DeadLetter
from instruments.api import InstrumentViewSet, TradingSessionViewSet
from instruments.health import calendar_problems, instrument_problems
from market.api import CandleViewSet, FeedViewSet, QuoteViewSet
from market.health import feeds_ready
from portfolio.api import VIEWSETS as BOOKS
from portfolio.health import book_problems
from trading.api.routes import VIEWSETS as TRADING

WATCHED = {"instruments": InstrumentViewSet, "sessions": TradingSessionViewSet, "candles": CandleViewSet}
UNLISTED = {"quotes": QuoteViewSet, "feeds": FeedViewSet}


class HealthSerializer(serializers.Serializer[Any]):
    status = serializers.ChoiceField(["ok", "problems"])
    problems = serializers.ListField(child=serializers.CharField(), help_text="In words; empty: none.")
    market_time = serializers.DateTimeField()
    wall_time = serializers.DateTimeField()


class HealthView(AskedByName):
    """Whether all parts work: servers, calendar, instruments, feeds, books, work given up."""

    @extend_schema(responses=HealthSerializer)
    def get(self, request: Request) -> Response:
        found = list_problems()
        body = {"status": "problems" if found else "ok", "problems": found}
        return Response(HealthSerializer({**body, "market_time": market_now(), "wall_time": wall_now()}).data)


def list_problems() -> list[str]:
    """Return all that is wrong, in words."""
    valkey = health.valkey_problem()
    feeds = [f"Valkey: {valkey}"] if valkey else feeds_ready()
    given_up = DeadLetter.objects.filter(state=DeadLetter.State.OPEN).count()
    letters = [f"{given_up} pieces of work were given up and wait for a decision"] if given_up else []
    return [*feeds, *calendar_problems(), *instrument_problems(), *book_problems(), *letters]


class PartSerializer(serializers.Serializer[Any]):
    name = serializers.CharField()
    address = serializers.CharField()
    about = serializers.CharField()


class PartsSerializer(serializers.Serializer[Any]):
    parts = PartSerializer(many=True)


class PartsView(AskedByName):
    """What there is, and where."""

    @extend_schema(responses=PartsSerializer)
    def get(self, request: Request) -> Response:
        abouts = {prefix: getdoc(viewset) for prefix, viewset, _ in router.registry} | {"health": HealthView.__doc__}
        addresses = part_addresses()
        rows = [{"name": name, "address": address, "about": abouts[name]} for name, address in addresses.items()]
        return Response({"parts": rows})


class NothingHere(APIView):
    """Whatever stands under no address of the API is refused as the API refuses."""

    schema = None

    def initial(self, request: Request, *args: Any, **kwargs: Any) -> None:
        super().initial(request, *args, **kwargs)
        near = get_close_matches(request.path, part_addresses().values(), n=1)
        meant = f" Did you mean {near[0]}?" if near else f" What there is stands at {reverse('parts')}."
        raise NotFound(f"There is nothing at this address.{meant}")


def part_addresses() -> dict[str, str]:
    return {prefix: reverse(f"{prefix}-list") for prefix, _, _ in router.registry} | {"health": reverse("health")}


router = SimpleRouter()
for prefix, viewset in {**WATCHED, **UNLISTED, **BOOKS, **TRADING}.items():
    router.register(prefix, viewset, basename=prefix)

HEALTH = path("health/", HealthView.as_view(), name="health")
urlpatterns: list[URLPattern | URLResolver] = [
    path("v1/", include([path("", PartsView.as_view(), name="parts"), *router.urls, HEALTH])),
    path("schema/", SpectacularAPIView.as_view(), name="schema"),
    path("docs/", login_required(SpectacularSwaggerSplitView.as_view(url_name="schema")), name="docs"),
    re_path("", NothingHere.as_view()),
]
