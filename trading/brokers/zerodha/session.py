"""A day's session at Kite: log in by hand, keep the access token locked, and know when it ends.

Kite gives no expiry: a token dies at 06:00 the next morning, or with the next login of the same
user and app. Every change is a compare-and-set on the row's version, so that a process with an
old token cannot end a fresh session.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import datetime, time, timedelta
from typing import Any
from urllib.parse import urlencode

from django.conf import settings
from django.db import transaction

from alphapanda.core.clock import market_now
from alphapanda.core.clock.market_time import current_anchor
from alphapanda.core.figures import iso
from alphapanda.core.journal.services import record_event
from alphapanda.core.timezone import IST
from portfolio.models import Account
from trading.brokers import standing
from trading.brokers.data_port import LoginRefused
from trading.brokers.zerodha import credentials
from trading.brokers.zerodha.addresses import PRACTICE, login_root
from trading.brokers.zerodha.client import KiteClient, KiteError
from trading.brokers.zerodha.mapping import ist_time, read_error_for
from trading.models import BrokerSession
from trading.orders.broker_port import BrokerError, SessionExpired

TOKEN_DIES_AT = time(6)


@dataclass(frozen=True, slots=True)
class OpenSession:
    """What a process needs to speak for an account; the token shows in no log."""

    account_id: Any
    api_key: str
    access_token: str = field(repr=False)
    version: int
    expires_at: datetime

    def client(self) -> KiteClient:
        return KiteClient(self.api_key, self.access_token)


def login_address(account: Account, state: str) -> str:
    """Return the page where the account's owner logs in.

    Kite hands ``state`` back with the request token; nothing else ties the callback to who asked.
    """
    keys = credentials.read_credentials(account.name)
    extra = urlencode({"state": state, "account": account.name})
    return f"{login_root()}?{urlencode({'v': '3', 'api_key': keys.api_key, 'redirect_params': extra})}"


def token_expiry(login_at: datetime) -> datetime:
    """Return the next 06:00 in India after a login."""
    at = login_at.astimezone(IST)
    six = datetime.combine(at.date(), TOKEN_DIES_AT, IST)
    return six if at < six else six + timedelta(days=1)


def log_in(account: Account, request_token: str) -> BrokerSession:
    """Exchange a request token, which is good once and for minutes, and keep the session.

    Not to be called inside a transaction. Raises LoginRefused, BrokerError, CredentialMissing.
    """
    keys = credentials.read_credentials(account.name)
    reply = _exchange(KiteClient(keys.api_key), request_token, keys.api_secret)
    if account.client_id and reply["user_id"] != account.client_id:
        raise LoginRefused(f"{reply['user_id']} logged in, but {account.name} is {account.client_id}'s")
    return _keep(account, keys.api_key, reply)


def complete_login(account: Account) -> BrokerSession | None:
    """Exchange the request token the web left in the row, if there is one; it is tried once."""
    waiting = BrokerSession.objects.filter(account=account).exclude(request_token="")
    row = waiting.first()
    if row is None or not waiting.filter(request_token=row.request_token).update(request_token=""):
        return None
    return log_in(account, row.request_token)


def open_session(account_name: str) -> OpenSession:
    """Return the account's live session. Raises SessionExpired if somebody has to log in first."""
    row = BrokerSession.objects.select_related("account").filter(account__name=account_name).first()
    if row is None or row.state != BrokerSession.State.LIVE or row.expires_at is None:
        raise SessionExpired(f"{account_name} is not logged in to Kite")
    if _is_over(row.expires_at):
        expire_session(account_name, row.version, "it was 06:00")
        raise SessionExpired(f"the Kite login of {account_name} ended at 06:00: log in again")
    token = credentials.unlock_token(account_name, row.encrypted_access_token)
    return OpenSession(row.account_id, row.api_key, token, row.version, row.expires_at)


def data_session() -> OpenSession:
    """Return the newest live session this process holds the key of: for what is the same for all accounts."""
    live = BrokerSession.objects.filter(state=BrokerSession.State.LIVE, expires_at__isnull=False)
    for row in live.select_related("account").order_by("-login_at"):
        if credentials.has_key(row.account.name) and not _is_over(row.expires_at):
            return open_session(row.account.name)
    raise SessionExpired("no account is logged in to Kite whose key this process has")


@transaction.atomic
def expire_session(account_name: str, version: int, reason: str) -> bool:
    """Mark a session ended if it is still that one; a newer login is left alone."""
    same = BrokerSession.objects.filter(account__name=account_name, version=version, state=BrokerSession.State.LIVE)
    return _end(same, BrokerSession.State.EXPIRED, reason)


def log_out(account: Account) -> bool:
    """Kill the token at Kite, then forget it here. False if nobody was logged in.

    Kite's own web and mobile logins go on. Raises BrokerError if Kite does not say that it is
    dead; the token is forgotten here all the same.
    """
    row = BrokerSession.objects.filter(account=account, state=BrokerSession.State.LIVE).first()
    if row is None:
        return False
    try:
        token = credentials.unlock_token(account.name, row.encrypted_access_token)
        _kill(KiteClient(row.api_key, token))
    finally:
        with transaction.atomic():
            same = BrokerSession.objects.filter(pk=row.pk, version=row.version)
            _end(same, BrokerSession.State.LOGGED_OUT, "logged out")
    return True


def _is_over(expires_at: datetime | None) -> bool:
    """Until the practice exchange has told its time, nothing can be said to be too old."""
    is_clock_known = settings.KIND != PRACTICE or current_anchor() is not None
    return expires_at is None or (is_clock_known and market_now() >= expires_at)


def _exchange(client: KiteClient, request_token: str, api_secret: str) -> dict[str, Any]:
    try:
        return client.generate_session(request_token, api_secret)
    except KiteError as error:
        if error.reply.is_envelope and error.code in (400, 403):
            raise LoginRefused(f"Kite did not take the request token: {error.reply.words}") from error
        raise read_error_for(error.reply) from error


def _kill(client: KiteClient) -> None:
    try:
        client.invalidate_access_token()
    except KiteError as error:
        problem = read_error_for(error.reply)
        if not isinstance(problem, SessionExpired):  # a token that is dead already is what we want
            raise BrokerError(f"Kite did not confirm the logout: {problem}", problem.code) from error


@transaction.atomic
def _keep(account: Account, api_key: str, reply: dict[str, Any]) -> BrokerSession:
    row, _ = BrokerSession.objects.select_for_update(no_key=True).get_or_create(account=account)
    login_at = ist_time(reply.get("login_time")) or market_now()
    row.version += 1
    row.api_key, row.user_id = api_key, reply["user_id"]
    row.encrypted_access_token = credentials.lock_token(account.name, reply["access_token"])
    row.request_token = ""
    row.login_at, row.expires_at = login_at, token_expiry(login_at)
    row.state = BrokerSession.State.LIVE
    row.save()
    _record_change(row, "session.opened", expires_at=iso(row.expires_at), user_id=row.user_id)
    standing.lift(account, "a login", only=standing.LOGIN)
    return row


def _end(rows: Any, state: str, reason: str) -> bool:
    row = rows.select_for_update(no_key=True, of=("self",)).first()
    if row is None:
        return False
    row.state, row.encrypted_access_token = state, b""
    row.version += 1
    row.save(update_fields=["state", "encrypted_access_token", "version"])
    _record_change(row, "session.ended", state=str(state), reason=reason)
    return True


def _record_change(row: BrokerSession, kind: str, **payload: Any) -> None:
    data = {"version": row.version, **payload}
    record_event(kind, key=str(row.account_id), account_id=row.account_id, payload=data)
