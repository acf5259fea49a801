"""What the longer benchmarks share: the machine in words, shares of a series, what processes use, what they counted."""

import math
import os
import platform
import time
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from importlib.metadata import version
from pathlib import Path

_TICKS_A_SECOND = os.sysconf("SC_CLK_TCK")
_PAGE = os.sysconf("SC_PAGE_SIZE")


@dataclass(frozen=True)
class Usage:
    """A process with everything it started: processor seconds so far, and resident megabytes now."""

    seconds: float = 0.0
    megabytes: float = 0.0

    def __add__(self, other: "Usage") -> "Usage":
        return Usage(self.seconds + other.seconds, self.megabytes + other.megabytes)


def describe_machine(*packages: str) -> dict[str, object]:
    return {
        "at": datetime.fromtimestamp(time.time(), UTC).isoformat(timespec="seconds"),
        "machine": f"{os.cpu_count()} cores, {platform.machine()}, {platform.system()} {platform.release()}",
        "load": [round(load, 1) for load in os.getloadavg()],
        "python": platform.python_version(),
        **{name: version(name) for name in packages},
    }


def percentile(values: Sequence[float], share: float) -> float:
    """Return the value that ``share`` of the values do not exceed; not a number if there are none."""
    if not values:
        return math.nan
    return sorted(values)[max(0, math.ceil(len(values) * share) - 1)]


def process_usage(roots: Mapping[str, int]) -> dict[str, Usage]:
    """Return what each named process uses, its descendants included; pages they share count for each."""
    parents, own = {}, {}
    for folder in Path("/proc").iterdir():
        if folder.name.isdigit() and (found := _read(folder)):
            parents[int(folder.name)], own[int(folder.name)] = found
    owners = {pid: name for name, pid in roots.items()}
    total = dict.fromkeys(roots, Usage())
    for pid, used in own.items():
        if name := _owner(pid, parents, owners):
            total[name] += used
    return total


def _read(folder: Path) -> tuple[int, Usage] | None:
    try:
        fields = (folder / "stat").read_text().rpartition(")")[2].split()
        pages = int((folder / "statm").read_text().split()[1])
    except (OSError, IndexError):
        return None  # it has ended meanwhile
    seconds = (int(fields[11]) + int(fields[12])) / _TICKS_A_SECOND
    return int(fields[1]), Usage(seconds, pages * _PAGE / 1e6)


def _owner(pid: int, parents: Mapping[int, int], owners: Mapping[int, str]) -> str | None:
    while pid and pid not in owners:
        pid = parents.get(pid, 0)
    return owners.get(pid)


def count_metric(folder: Path, metric: str, label: str) -> Counter[str]:
    """Return a counter's sums over all processes that wrote to ``folder``, by the value of one label."""
    from prometheus_client import CollectorRegistry
    from prometheus_client.multiprocess import MultiProcessCollector

    registry, sums = CollectorRegistry(), Counter[str]()
    MultiProcessCollector(registry, path=str(folder))
    for family in registry.collect():
        for sample in family.samples:
            if sample.name == metric:
                sums[sample.labels[label]] += int(sample.value)
    return sums


def markdown_table(heads: Sequence[str], rows: Iterable[Sequence[object]]) -> str:
    lines = [heads, ["---", *["--:"] * (len(heads) - 1)], *rows]
    return "\n".join(f"| {' | '.join(map(str, line))} |" for line in lines)
