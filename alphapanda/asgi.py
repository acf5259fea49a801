"""What daphne serves: pages, the API, and one WebSocket."""

import os
from typing import Any

os.environ.setdefault("DJANGO_SETTINGS_MODULE", "alphapanda.settings")

from alphapanda.core import postgres

postgres.answers_strangers = True

from django.core.asgi import get_asgi_application

http = get_asgi_application()

from channels.auth import AuthMiddlewareStack
from channels.routing import ProtocolTypeRouter, URLRouter
from channels.security.websocket import AllowedHostsOriginValidator

from alphapanda.core.telemetry import heartbeats, live_lines
from alphapanda.urls import websocket_urlpatterns

protocols = ProtocolTypeRouter(
    {
        "http": http,
        "websocket": AllowedHostsOriginValidator(AuthMiddlewareStack(URLRouter(websocket_urlpatterns))),
    }
)


async def application(scope: Any, receive: Any, send: Any) -> None:
    """What daphne serves; it lives from its first connection on, there being no other beginning."""
    live_lines.begin_publishing("web")
    heartbeats.begin_heartbeat("web", "pages, API, WebSocket")
    await protocols(scope, receive, send)
