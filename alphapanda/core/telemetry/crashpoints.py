"""Named places where a test may kill the process with -9, so that recovery is proven by name and not by luck.

Armed by ``CRASHPOINTS="assess.before_commit,ticks.after_commit:40"`` (the fortieth pass) together with
``CRASHPOINT_DIR``, a folder in which a fired crash point leaves a file, so that no process dies of it twice.
"""

import os
import signal
from pathlib import Path


def _read(text: str) -> dict[str, int]:
    parts = (part.partition(":") for part in text.split(",") if part)
    return {name: int(nth or 1) for name, _, nth in parts}


_passes_left = _read(os.environ.get("CRASHPOINTS", ""))


def crashpoint(name: str) -> None:
    if name not in _passes_left:
        return
    _passes_left[name] -= 1
    fired = Path(os.environ["CRASHPOINT_DIR"]) / name
    if _passes_left[name] == 0 and not fired.exists():
        fired.touch()
        os.kill(os.getpid(), signal.SIGKILL)
