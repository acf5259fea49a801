"""The one folder an installation keeps its state in: secrets, embedded servers, recordings and the HALT flag."""

import os
import secrets
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
