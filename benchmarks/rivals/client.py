"""Ask another engine, in its own process and environment."""

from __future__ import annotations

import json
import subprocess
from pathlib import Path
from typing import Any

ROOT = Path(__file__).resolve().parents[2]
PYTHON = ROOT / ".venv-rivals" / "bin" / "python"
ENGINES = ("backtesting", "backtrader", "nautilus_trader")
HOW = "other engines are not installed: make rivals"


def is_installed() -> bool:
    return PYTHON.exists()


def ask_rival(engine: str, **request: Any) -> dict[str, Any]:
    """Return what ``benchmarks.rivals.answer`` says; its own words of a failure are printed and end us."""
    done = subprocess.run(
        [str(PYTHON), "-m", "benchmarks.rivals.answer"],
        cwd=ROOT,
        input=json.dumps({"engine": engine, **request}),
        stdout=subprocess.PIPE,
        text=True,
        check=True,
    )
    return json.loads(done.stdout.splitlines()[-1])
