"""Which rate limit a call spends: order calls by the market's clock, all others by the wall's."""

import time

from aiohttp import web

from kitesim.server.limits import ORDERS, OTHERS, RateLimits
from kitesim.server.replies import EXCHANGE, calling_user

LIMITS = web.AppKey("limits", RateLimits)


def wall_limit(request: web.Request, what: str, limits: tuple[tuple[int, int], ...]) -> None:
    request.app[LIMITS].spend(calling_user(request).api_key, what, limits, time.time())


def order_limit(request: web.Request) -> None:
    request.app[LIMITS].spend(calling_user(request).api_key, "order", ORDERS, request.app[EXCHANGE].now)


def common_limit(request: web.Request) -> None:
    wall_limit(request, "other", OTHERS)
