"""One question on standard input, one answer on the last line of standard output, both JSON.

Asked for a ``rule`` on a file of candles, an engine answers with its trades; asked for a ``set`` of walks, with the
fills of the crossing averages, what they came to and how many of the processor's seconds it took; asked for ``ticks``,
with how often the averages of so many prices crossed, and the seconds.
"""

import json
import os
import platform
import sys
from importlib import import_module
from importlib.metadata import version

from benchmarks.rivals.candles import read_candles


def answer(request):
    engine = request["engine"]
    made = import_module(f"benchmarks.rivals.by_{engine}")
    if "ticks" in request:
        came_of_it = made.play_ticks(request["ticks"])
    elif "rule" in request:
        came_of_it = {"trades": made.trades_of(request["rule"], read_candles(request["candles"]))}
    else:
        came_of_it = made.play_set(request["instruments"], request["bars"])
    return {"version": version(engine.replace("_", "-")), "python": platform.python_version(), **came_of_it}


if __name__ == "__main__":
    os.environ["TQDM_DISABLE"] = "1"  # backtesting.py draws a bar of progress, which is no part of the work
    print(json.dumps(answer(json.load(sys.stdin))))
