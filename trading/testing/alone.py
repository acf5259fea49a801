"""Has a module of strategies checked in a process of its own: what it needs it imports, what it breaks is its own."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import tempfile
from pathlib import Path
from typing import Any

# Importing the numeric libraries takes a second or two, three plays of a day seldom more.
PATIENCE = 120.0


def check_alone(module: str, limit: float, patience: float = PATIENCE) -> dict[str, Any]:
    """Return what ``check_module`` finds; a process that dies, or takes ``patience`` seconds, is an error."""
    with tempfile.TemporaryDirectory() as folder:
        answer = Path(folder) / "answer.json"
        command = [sys.executable, "-m", "trading.testing.check", module, str(limit), str(answer)]
        environment = os.environ | {"PYTHONPATH": os.pathsep.join(sys.path)}
        try:
            ended = subprocess.run(command, env=environment, capture_output=True, text=True, timeout=patience)
        except subprocess.TimeoutExpired:
            return _failed(module, f"{module} was not through in {patience:.0f} s: does its import wait for something?")
        if not answer.is_file():
            last = (ended.stderr.strip().splitlines() or ["it said nothing"])[-1]
            return _failed(module, f"the process that read {module} ended with code {ended.returncode}: {last}")
        found: dict[str, Any] = json.loads(answer.read_text())
        return found


def _failed(module: str, words: str) -> dict[str, Any]:
    return {"module": module, "errors": [words], "warnings": [], "strategies": []}
