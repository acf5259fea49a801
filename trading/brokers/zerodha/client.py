"""Kite's own client, hardened: error types kept, money as Decimal, times aware, TLS verified, nothing logged."""

from __future__ import annotations

import json
from datetime import datetime
from decimal import Decimal
from typing import Any
from urllib.parse import urljoin

import requests
from kiteconnect import KiteConnect
from kiteconnect.exceptions import KiteException
from urllib3.exceptions import ConnectTimeoutError, MaxRetryError, NewConnectionError

from trading.brokers.zerodha.addresses import rest_root
from trading.brokers.zerodha.mapping import Reply, ist_time

CONNECT_SECONDS = 3.05
READ_SECONDS = 7.0
DUMP_SECONDS = 60.0  # the whole list of instruments is several megabytes
SHOWN_CHARACTERS = 200  # of a body that is not Kite's
_TIMES = ("order_timestamp", "exchange_timestamp", "exchange_update_timestamp", "fill_timestamp", "created")


class KiteError(KiteException):
    """A request that failed, with all that is known of it in ``reply``."""

    def __init__(self, reply: Reply) -> None:
        super().__init__(reply.words, code=reply.status or 0)
        self.reply = reply
        self.error_type = reply.error_type


class KiteClient(KiteConnect):
    """One account's REST client. Safe for one thread; sends each request once and follows no redirect."""

    def __init__(self, api_key: str, access_token: str | None = None, root: str | None = None) -> None:
        super().__init__(api_key, access_token, root=root or rest_root(), timeout=(CONNECT_SECONDS, READ_SECONDS))
        # The environment's proxies and .netrc could take the place of our Authorization header.
        self.reqsession.trust_env = False

    def __repr__(self) -> str:
        return f"<KiteClient {self.api_key} at {self.root}>"

    @property
    def debug(self) -> bool:
        """Always off: the SDK would log the access token."""
        return False

    @debug.setter
    def debug(self, wanted: bool) -> None:
        if wanted:
            raise ValueError("debug logging would write the access token into the log")

    def instrument_dump(self, exchange: str | None = None) -> bytes:
        """Return the CSV of one exchange's instruments, or of all, as Kite sends it."""
        route, args = ("market.instruments", {"exchange": exchange}) if exchange else ("market.instruments.all", None)
        body = self._get(route, url_args=args)
        if not isinstance(body, bytes):
            raise KiteError(Reply(200, "DataException", "the instruments did not come as CSV"))
        return body

    def _request(
        self,
        route: str,
        method: str,
        url_args: dict[str, Any] | None = None,
        params: Any = None,
        is_json: bool = False,
        query_params: Any = None,
    ) -> Any:
        """Send once and read strictly; takes the place of the SDK's, whose signature it keeps."""
        has_body = method in ("POST", "PUT")
        response = self._send(
            method,
            urljoin(self.root, self._routes[route].format(**(url_args or {}))),
            params=query_params if has_body else params,
            json=params if has_body and is_json else None,
            data=params if has_body and not is_json else None,
            timeout=(CONNECT_SECONDS, DUMP_SECONDS) if route.startswith("market.instruments") else self.timeout,
        )
        return self._read(response)

    def _send(self, method: str, url: str, **how: Any) -> requests.Response:
        try:
            return self.reqsession.request(
                method, url, headers=self._headers(), verify=True, allow_redirects=False, **how
            )
        except requests.RequestException as error:
            # The text of the exception can hold the URL, and with it a token.
            words = f"no answer from Kite ({type(error).__name__})"
            raise KiteError(Reply(None, "NetworkException", words, is_sent=not _never_left(error))) from None

    def _headers(self) -> dict[str, str]:
        headers = {"X-Kite-Version": self.kite_header_version, "User-Agent": self._user_agent()}
        if self.api_key and self.access_token:
            headers["Authorization"] = f"token {self.api_key}:{self.access_token}"
        return headers

    def _read(self, response: requests.Response) -> Any:
        content_type = response.headers.get("content-type", "")
        if "csv" in content_type and response.status_code == 200:
            return response.content
        envelope = _envelope(response) if "json" in content_type else None
        if envelope is None:
            raise KiteError(_foreign(response, content_type))
        if response.status_code != 200 or envelope.get("status") == "error" or envelope.get("error_type"):
            raise KiteError(self._error_reply(response, envelope))
        if "data" not in envelope:
            raise KiteError(Reply(200, "DataException", "Kite's answer has no data"))
        return envelope["data"]

    def _error_reply(self, response: requests.Response, envelope: dict[str, Any]) -> Reply:
        error_type = str(envelope.get("error_type") or "GeneralException")
        if self.session_expiry_hook and response.status_code == 403 and error_type == "TokenException":
            self.session_expiry_hook()
        return Reply(response.status_code, error_type, str(envelope.get("message") or ""), is_envelope=True)

    def _format_response(self, data: Any) -> Any:
        """Make every time of a row aware; the SDK's are naive."""
        for row in data if isinstance(data, list) else [data]:
            row.update({name: _time(row[name]) for name in _TIMES if name in row})
        return data


def _time(value: Any) -> datetime | str | None:
    """Return an aware time; the trade book's bare HH:MM:SS stays as it is."""
    is_whole = isinstance(value, str) and len(value) == 19
    return ist_time(value) if is_whole or isinstance(value, datetime) else value


def _envelope(response: requests.Response) -> dict[str, Any] | None:
    try:
        body = json.loads(response.content, parse_float=Decimal)
    except ValueError:
        return None
    return body if isinstance(body, dict) else None


def _foreign(response: requests.Response, content_type: str) -> Reply:
    """Describe a body that is not Kite's: a proxy's page, half a document, a redirect."""
    shown = " ".join(response.text[:SHOWN_CHARACTERS].split())
    words = f"HTTP {response.status_code} with {content_type or 'no content type'}: {shown}"
    return Reply(response.status_code, "DataException", words)


def _never_left(error: requests.RequestException) -> bool:
    """Whether the connection itself failed, so that no byte of the request left: proof it was not placed."""
    if isinstance(error, requests.exceptions.InvalidURL | requests.exceptions.MissingSchema):
        return True
    cause = error.args[0] if error.args else None
    reason = cause.reason if isinstance(cause, MaxRetryError) else cause
    return isinstance(reason, NewConnectionError | ConnectTimeoutError)
