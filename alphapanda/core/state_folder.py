"""The one folder an installation keeps its state in: secrets, embedded servers, recordings and the HALT flag."""

import json
import os
import secrets
from collections.abc import Mapping
from pathlib import Path

BASE_DIR = Path(__file__).resolve().parents[2]


def state_folder() -> Path:
    return Path(os.environ.get("ALPHAPANDA_STATE_DIR", str(BASE_DIR / ".state"))).resolve()


def kept_secret(path: Path) -> str:
    """Return the secret in ``path``; the first time one is made, for its owner's eyes only."""
    if not path.exists():
        path.parent.mkdir(parents=True, exist_ok=True)
        path.touch(mode=0o600)
        path.write_text(secrets.token_urlsafe(50))
    return path.read_text().strip()


def note_running(folder: Path, addresses: Mapping[str, str]) -> None:
    """Write down where the servers are that this process has begun, for commands typed beside it."""
    _addresses(folder).write_text(json.dumps({"pid": os.getpid(), "addresses": dict(addresses)}))


def forget_running(folder: Path) -> None:
    _addresses(folder).unlink(missing_ok=True)


def running_beside(folder: Path) -> dict[str, str]:
    """Return the addresses of what runs in this folder; nothing if nothing does, or it was killed."""
    try:
        noted = json.loads(_addresses(folder).read_text())
        os.kill(noted["pid"], 0)
    except (OSError, ValueError):
        return {}
    addresses: dict[str, str] = noted["addresses"]
    return addresses


def _addresses(folder: Path) -> Path:
    return folder / "addresses.json"
