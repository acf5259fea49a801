"""Logs in to the practice exchange without a browser: kitesim grants request tokens to whoever asks."""

from __future__ import annotations

import requests
from django.conf import settings

from portfolio.models import Account
from trading.brokers.data_port import LoginRefused
from trading.brokers.zerodha.addresses import PRACTICE, login_root
from trading.brokers.zerodha.credentials import read_credentials
from trading.brokers.zerodha.session import log_in


def practice_request_token(account: Account) -> str:
    """Return a request token of kitesim. Raises LoginRefused; live logins are made by a person."""
    if settings.KIND != PRACTICE:
        raise LoginRefused("a live login is made by its owner, in a browser")
    asked = {"api_key": read_credentials(account.name).api_key, "v": "3"}
    try:
        reply = requests.get(
            login_root(), params=asked, headers={"Accept": "application/json"}, timeout=5, allow_redirects=False
        )
        return str(reply.json()["data"]["request_token"])
    except (requests.RequestException, KeyError, TypeError) as error:
        raise LoginRefused(f"the practice exchange gave no request token ({type(error).__name__})") from error


def log_in_to_practice(account_name: str) -> None:
    """Log in with a token of kitesim's. Raises LoginRefused or BrokerError."""
    account = Account.objects.get(name=account_name)
    log_in(account, practice_request_token(account))
