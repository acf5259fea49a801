"""Who may ask: apps with key and secret, request tokens, and access tokens that die at six in the morning."""

import hashlib
import hmac
import secrets
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any
from urllib.parse import parse_qsl, urlencode, urlsplit, urlunsplit

from kitesim.errors import KiteError, bad_input, bad_token
from kitesim.exchange.trading_days import day_of, kite_time, midnight_of
from kitesim.state import Store

REQUEST_TOKEN_LIVES = 300.0  # wall seconds
_SIX_HOURS = 6 * 3600
EXCHANGES = ["NSE", "NFO", "BSE", "BFO"]
PROFILE = {
    "user_type": "individual", "broker": "ZERODHA", "exchanges": EXCHANGES, "products": ["CNC", "NRML", "MIS"],
    "order_types": ["MARKET", "LIMIT", "SL", "SL-M"], "avatar_url": None, "meta": {"demat_consent": "consent"},
}  # fmt: skip


@dataclass(frozen=True)
class App:
    """One Kite Connect app of one user."""

    api_key: str
    api_secret: str
    user_id: str
    redirect_url: str = ""


class Sessions:
    """``now`` is market time (tokens die by it), ``wall`` real time (request tokens last minutes)."""

    def __init__(
        self, apps: list[App], store: Store, now: Callable[[], float], wall: Callable[[], float], overnight: bool
    ) -> None:
        self.apps = {app.api_key: app for app in apps}
        self._store, self._now, self._wall, self._overnight = store, now, wall, overnight
        self._request_tokens: dict[str, tuple[str, float]] = {}
        self._tokens: dict[str, dict[str, Any]] = store.get("sessions") or {}

    def app(self, api_key: str) -> App:
        if api_key not in self.apps:
            raise bad_input("Invalid `api_key`.")
        return self.apps[api_key]

    def grant_request_token(self, api_key: str) -> str:
        """As if the user had signed in and allowed the app."""
        token = secrets.token_urlsafe(24)
        self._request_tokens[token] = (self.app(api_key).api_key, self._wall())
        return token

    def open(self, api_key: str, request_token: str, checksum: str) -> dict[str, Any]:
        """Exchange a request token, once; kills the app's earlier access token."""
        app = self.apps.get(api_key)
        key, granted_at = self._request_tokens.get(request_token, ("", 0.0))
        if app is None or key != api_key or self._wall() - granted_at > REQUEST_TOKEN_LIVES:
            raise bad_token("Token is invalid or has expired.")
        expected = hashlib.sha256(f"{api_key}{request_token}{app.api_secret}".encode()).hexdigest()
        if not hmac.compare_digest(expected, checksum):
            raise bad_token("Invalid `checksum`.")
        del self._request_tokens[request_token]
        session = {"access_token": secrets.token_hex(16), "opened_at": self._now()}
        self._tokens[api_key] = session
        self._save()
        return self._answer(app, session)

    def _answer(self, app: App, session: dict[str, Any]) -> dict[str, Any]:
        return {
            **user_profile(app),
            "api_key": app.api_key,
            "access_token": session["access_token"],
            "public_token": secrets.token_hex(16),
            "enctoken": "",
            "refresh_token": "",
            "silo": "",
            "login_time": kite_time(session["opened_at"]),
        }

    def authenticate(self, api_key: str, access_token: str) -> App:
        """Raises TokenException (403) unless the token is this app's live one."""
        session = self._tokens.get(api_key)
        if session is None or not hmac.compare_digest(session["access_token"], access_token):
            raise bad_token()
        if not self._overnight and self._now() >= dies_at(session["opened_at"]):
            raise bad_token()
        return self.apps[api_key]

    def authenticate_header(self, header: str) -> App:
        scheme, _, pair = header.partition(" ")
        api_key, separator, access_token = pair.partition(":")
        if scheme != "token" or not separator:
            raise KiteError(403, "TokenException", "Invalid session credentials")
        if api_key not in self.apps:
            raise bad_token()
        return self.authenticate(api_key, access_token)

    def close(self, api_key: str, access_token: str | None = None) -> None:
        """Log out; without ``access_token`` whatever token the app has dies."""
        if access_token is not None:
            self.authenticate(api_key, access_token)
        self._tokens.pop(api_key, None)
        self._save()

    def _save(self) -> None:
        self._store.put("sessions", self._tokens)


def dies_at(opened_at: float) -> float:
    """The next 06:00 IST."""
    six = midnight_of(day_of(opened_at)) + _SIX_HOURS
    return float(six if opened_at < six else six + 86_400)


def user_profile(app: App) -> dict[str, Any]:
    name = f"Practice {app.user_id}"
    return {
        "user_id": app.user_id, "user_name": name, "user_shortname": app.user_id,
        "email": f"{app.user_id.lower()}@example.com", **PROFILE,
    }  # fmt: skip


def redirect_to(url: str, request_token: str, extra: str) -> str:
    """The app's address with what Kite appends after a login; ``extra`` is a query string to pass on."""
    parts = urlsplit(url)
    query = [*parse_qsl(parts.query), ("action", "login"), ("type", "login"), ("status", "success")]
    query += [("request_token", request_token), *parse_qsl(extra)]
    return urlunsplit(parts._replace(query=urlencode(query)))
