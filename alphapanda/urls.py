"""Every address of the product."""

from django.contrib import admin
from django.urls import URLPattern, URLResolver, include, path
from django.views.generic import RedirectView

from alphapanda import health, signing_in
from alphapanda.dashboard.consumers import PageSocket

admin.autodiscover()
signing_in.listen()
urlpatterns: list[URLPattern | URLResolver] = [
    # One door for everybody: the admin's own would let people in past their second factor.
    path("admin/login/", RedirectView.as_view(pattern_name="dashboard:sign_in", query_string=True)),
    path("admin/", admin.site.urls),
    path("healthz", health.show_liveness, name="healthz"),
    path("readyz", health.show_readiness, name="readyz"),
    path("metrics", health.show_metrics, name="metrics"),
    path("api/", include("alphapanda.api")),
    path("", include("alphapanda.dashboard.door_urls")),
    path("", include("alphapanda.dashboard.urls")),
]
handler404 = "alphapanda.dashboard.views.trouble.show_missing"
handler500 = "alphapanda.dashboard.views.trouble.show_trouble"
websocket_urlpatterns: list[URLPattern] = [path("ws/v1/", PageSocket.as_asgi())]
