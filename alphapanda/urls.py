"""Every address of the product."""

from django.contrib import admin
from django.urls import URLPattern, URLResolver, include, path

from alphapanda import health
from alphapanda.dashboard.consumers import DeskConsumer

urlpatterns: list[URLPattern | URLResolver] = [
    path("admin/", admin.site.urls),
    path("healthz", health.healthz, name="healthz"),
    path("readyz", health.readyz, name="readyz"),
    path("metrics", health.metrics, name="metrics"),
    path("api/", include("alphapanda.api")),
    path("", include("alphapanda.dashboard.urls")),
]
websocket_urlpatterns: list[URLPattern] = [path("ws/v1/", DeskConsumer.as_asgi())]
