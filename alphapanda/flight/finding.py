"""What a check found: a name, a colour and a sentence."""

from dataclasses import dataclass
from enum import StrEnum


class Level(StrEnum):
    OK = "ok"
    WARN = "warn"  # may fly, but somebody should know
    RED = "red"  # not to fly with


@dataclass(frozen=True, slots=True)
class Finding:
    name: str
    level: Level
    words: str

    def as_dict(self) -> dict[str, str]:
        return {"name": self.name, "level": str(self.level), "words": self.words}


def ok_finding(name: str, words: str) -> Finding:
    return Finding(name, Level.OK, words)


def warn_finding(name: str, words: str) -> Finding:
    return Finding(name, Level.WARN, words)


def red_finding(name: str, words: str) -> Finding:
    return Finding(name, Level.RED, words)


def worst_finding(findings: "list[Finding]", name: str, fine: str) -> Finding:
    """Several answers to one question as one: the worst colour, and the words of all that are not fine."""
    levels = list(Level)
    wrong = [finding for finding in findings if finding.level != Level.OK]
    if not wrong:
        return ok_finding(name, "; ".join(finding.words for finding in findings) or fine)
    level = max((finding.level for finding in wrong), key=levels.index)
    return Finding(name, level, "; ".join(finding.words for finding in wrong))
