"""Login page, session, profile."""

from html import escape

from aiohttp import web

from kitesim.exchange.exchange import Exchange
from kitesim.server.replies import EXCHANGE, calling_user, read_form, reply_data
from kitesim.server.sessions import redirect_to, user_profile
from kitesim.server.throttle import common_limit

routes = web.RouteTableDef()
_PAGE = """<!doctype html><html lang="en"><meta charset="utf-8"><title>Practice login</title>
<style>body{{font:16px system-ui;max-width:32rem;margin:4rem auto;padding:0 1rem}}
button{{font:inherit;padding:.5rem 1rem}}
</style><h1>Practice login</h1><p>This is the practice exchange, not Zerodha. No password is asked.</p>
<form method="post" action="/connect/login"><input type="hidden" name="api_key" value="{key}">
<input type="hidden" name="redirect_url" value="{url}"><input type="hidden" name="redirect_params" value="{extra}">
<p>Let the app <b>{key}</b> trade for user <b>{user}</b>?</p><button>Log in</button></form></html>"""


@routes.get("/connect/login")
async def login_page(request: web.Request) -> web.Response:
    """A page with one button; ?skip=1 redirects at once, Accept: application/json answers with the token itself."""
    sessions, query = request.app[EXCHANGE].sessions, request.query
    app = sessions.app(query.get("api_key", ""))
    if "application/json" in request.headers.get("Accept", "") or query.get("skip"):
        return _grant(request.app[EXCHANGE], dict(query), request)
    fields = {
        "key": app.api_key, "user": app.user_id, "url": query.get("redirect_url", ""),
        "extra": query.get("redirect_params", ""),
    }  # fmt: skip
    page = _PAGE.format(**{name: escape(value, quote=True) for name, value in fields.items()})
    return web.Response(text=page, content_type="text/html")


@routes.post("/connect/login")
async def show_login(request: web.Request) -> web.Response:
    return _grant(request.app[EXCHANGE], await read_form(request), request)


def _grant(exchange: Exchange, given: dict[str, str], request: web.Request) -> web.Response:
    app = exchange.sessions.app(given.get("api_key", ""))
    token = exchange.sessions.grant_request_token(app.api_key)
    url = given.get("redirect_url") or app.redirect_url
    target = redirect_to(url, token, given.get("redirect_params", "")) if url else ""
    if "application/json" in request.headers.get("Accept", "") or not url:
        return reply_data({"request_token": token, "redirect_url": target})
    return web.Response(status=302, headers={"Location": target})


@routes.post("/session/token")
async def open_session(request: web.Request) -> web.Response:
    given = await read_form(request)
    names = ("api_key", "request_token", "checksum")
    return reply_data(request.app[EXCHANGE].sessions.open(*(given.get(name, "") for name in names)))


@routes.delete("/session/token")
async def close_session(request: web.Request) -> web.Response:
    query = request.query
    request.app[EXCHANGE].sessions.close(query.get("api_key", ""), query.get("access_token", ""))
    request.app[EXCHANGE].drop_sockets(query.get("api_key", ""))
    return reply_data(True)


@routes.get("/user/profile")
async def show_profile(request: web.Request) -> web.Response:
    common_limit(request)
    return reply_data(user_profile(calling_user(request)))
