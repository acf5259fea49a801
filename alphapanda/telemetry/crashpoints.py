"""Named places where a test may kill the process with -9, so that recovery is proven by name and not by luck.

Armed by ``CRASHPOINT=name`` or ``CRASHPOINT=name:3`` (the third pass) together with ``CRASHPOINT_DIR``, a folder in
which a fired crash point leaves a file, so that the restarted process does not die again.
"""

import os
import signal
from pathlib import Path

_armed, _, _nth = os.environ.get("CRASHPOINT", "").partition(":")
_passes_left = int(_nth or 1)


def crashpoint(name: str) -> None:
    global _passes_left
    if name != _armed:
        return
    _passes_left -= 1
    fired = Path(os.environ["CRASHPOINT_DIR"]) / name
    if _passes_left == 0 and not fired.exists():
        fired.touch()
        os.kill(os.getpid(), signal.SIGKILL)
