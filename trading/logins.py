"""Logins made in a browser: the web asks, the one process that has the account's secrets answers.

The web has no key of any app. It keeps the browser's ``state`` for the account and wakes the account's broker worker,
which writes the address to log in at; later it leaves the request token in the account's row, and the same worker
exchanges it. What went wrong becomes an event, in words.
"""

from __future__ import annotations

from typing import Any

import orjson
from django.core.exceptions import ImproperlyConfigured

from alphapanda.core.journal.services import record_event
from portfolio.models import Account
from trading import wakeups
from trading.brokers import choice
from trading.brokers.data_port import CredentialMissing, LoginRefused
from trading.errors import NotAllowed
from trading.models import BrokerSession
from trading.orders.broker_port import BrokerError

# A request token is good for minutes; so is what leads to it.
ASKED_SECONDS = 300
LONGEST_TOKEN = 64
REFUSED = "session.refused"


def ask_address(account: Account, state: str) -> None:
    """Have the account's worker write the address where its owner logs in, which hands ``state`` back."""
    client = wakeups.valkey_client()
    client.sadd(_asked_key(account.name), state)
    client.expire(_asked_key(account.name), ASKED_SECONDS)
    wakeups.wake_stage(wakeups.LOGIN_ADDRESS, account.name, f"broker.{account.name}")


def read_address(state: str) -> tuple[str, str]:
    """Return the address and, instead of it, why there is none; both empty while nobody has answered."""
    found: Any = wakeups.valkey_client().get(_address_key(state))
    said = orjson.loads(found) if found else {}
    return said.get("address", ""), said.get("refused", "")


def write_addresses(account_name: str) -> None:
    """Answer whoever asked; in the account's own worker."""
    client, account = wakeups.valkey_client(), Account.objects.get(name=account_name)
    states: Any = client.spop(_asked_key(account_name), 100)
    for state in (one.decode() for one in states):
        client.set(_address_key(state), orjson.dumps(_address(account, state)), ex=ASKED_SECONDS)


def leave_token(account: Account, request_token: str) -> None:
    """Keep what a browser came back with, and have it exchanged. Raises NotAllowed for what is no token."""
    if not 0 < len(request_token) <= LONGEST_TOKEN or not request_token.isascii() or not request_token.isprintable():
        raise NotAllowed("this is no request token of Kite's")
    BrokerSession.objects.update_or_create(account=account, defaults={"request_token": request_token})
    wakeups.wake_stage_after_commit(wakeups.LOGIN, account.name, f"broker.{account.name}")


def complete_login(account_name: str) -> None:
    """Exchange the token that waits, once; in the account's own worker and outside any transaction."""
    account = Account.objects.get(name=account_name)
    try:
        choice.complete_login(account_name)
    except (LoginRefused, BrokerError, ImproperlyConfigured, CredentialMissing) as refused:
        payload = {"reason": str(refused)}
        record_event(REFUSED, key=str(account.pk), account_id=account.pk, payload=payload)


def _address(account: Account, state: str) -> dict[str, str]:
    try:
        return {"address": choice.login_address(account.name, state)}
    except (ImproperlyConfigured, CredentialMissing) as missing:
        return {"refused": str(missing)}


def _asked_key(account_name: str) -> str:
    return f"login:asked:{account_name}"


def _address_key(state: str) -> str:
    return f"login:address:{state}"
