"""API keys and the key that locks access tokens: from the environment or a secret file, never the database."""

from __future__ import annotations

import os
import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path

from cryptography.fernet import Fernet, InvalidToken, MultiFernet

from trading.brokers.data_port import CredentialMissing


@dataclass(frozen=True, slots=True)
class Credentials:
    api_key: str
    api_secret: str = field(repr=False)


def variable_name(prefix: str, account_name: str) -> str:
    """Return an account's variable: ``KITE_API_KEY`` of "Family 1" is KITE_API_KEY_FAMILY_1."""
    return f"{prefix}_{re.sub(r'[^A-Z0-9]+', '_', account_name.upper()).strip('_')}"


def read_credentials(account_name: str, environ: Mapping[str, str] = os.environ) -> Credentials:
    """Return the API key and secret of an account. Raises CredentialMissing, naming the variable."""
    key, secret = (secret_of(p, account_name, environ) for p in ("KITE_API_KEY", "KITE_API_SECRET"))
    return Credentials(key, secret)


def has_key(account_name: str, environ: Mapping[str, str] = os.environ) -> bool:
    """Whether this process may open the account's session at all."""
    name = variable_name("BROKER_KEY", account_name)
    return name in environ or f"{name}_FILE" in environ


def lock_token(account_name: str, token: str, environ: Mapping[str, str] = os.environ) -> bytes:
    return _cipher(account_name, environ).encrypt(token.encode())


def unlock_token(account_name: str, locked: bytes | memoryview, environ: Mapping[str, str] = os.environ) -> str:
    """Return the access token. Raises CredentialMissing if the key is not the one it was locked with."""
    try:
        return _cipher(account_name, environ).decrypt(bytes(locked)).decode()
    except InvalidToken:
        name = variable_name("BROKER_KEY", account_name)
        raise CredentialMissing(f"{name} does not open the stored access token: log in again") from None


def new_key() -> str:
    """Return a key for BROKER_KEY_<ACCOUNT>; put a new one before the old, separated by a comma."""
    return Fernet.generate_key().decode()


def secret_of(prefix: str, account_name: str, environ: Mapping[str, str]) -> str:
    """Read a variable, or the file that its ``_FILE`` twin names."""
    name = variable_name(prefix, account_name)
    if value := environ.get(name, "").strip():
        return value
    if path := environ.get(f"{name}_FILE", ""):
        return _file_content(name, Path(path))
    raise CredentialMissing(f"{name} is not set (nor {name}_FILE): this process has no such credential")


def _file_content(name: str, path: Path) -> str:
    try:
        return path.read_text(encoding="utf-8").strip()
    except OSError as error:
        raise CredentialMissing(f"{name}_FILE names {path}, which cannot be read: {error.strerror}") from None


def _cipher(account_name: str, environ: Mapping[str, str]) -> MultiFernet:
    text = secret_of("BROKER_KEY", account_name, environ)
    try:
        return MultiFernet([Fernet(key.strip()) for key in text.split(",") if key.strip()])
    except ValueError:
        name = variable_name("BROKER_KEY", account_name)
        raise CredentialMissing(f"{name} is not a Fernet key: 32 bytes in URL-safe base64") from None
