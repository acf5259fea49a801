"""Every address of the product."""

from django.contrib import admin
from django.urls import URLPattern, URLResolver, path

urlpatterns: list[URLPattern | URLResolver] = [path("admin/", admin.site.urls)]
websocket_urlpatterns: list[URLPattern] = []
