"""What can be wrong with a strategy's code, told so that a person can act on it."""

import traceback
from pathlib import Path

from trading.run.decisions import Decision

LONGEST_TRACEBACK = 4000


class CallbackTimedOut(BaseException):
    """A callback used up its time. Not an Exception, so that ``except Exception`` cannot keep it."""


class StrategyFault(Exception):
    """A strategy raised, took too long or answered nonsense; its run must pause.

    ``code`` is raised, timed_out, bad_intent or bad_state. ``decisions`` were made in the same
    step before the fault, stops among them: they count, and must be acted on.
    """

    def __init__(self, code: str, words: str, decisions: tuple[Decision, ...] = ()) -> None:
        super().__init__(words)
        self.code = code
        self.words = words
        self.decisions = decisions


def error_words(error: BaseException, file: str | None = None) -> str:
    """Return what was raised and where: its type, its words, the file and the line; see ``place_of``."""
    return f"{type(error).__name__}: {error}{place_of(error, file)}"


def place_of(error: BaseException, file: str | None = None) -> str:
    """Return where it was raised, to be put behind words: the last line of ``file`` on the way, or else the last."""
    frames = traceback.extract_tb(error.__traceback__)
    known = [frame for frame in frames if frame.filename == file] or frames
    return f", at {Path(known[-1].filename).name}, line {known[-1].lineno}" if known else ""


def traceback_of(error: BaseException) -> str:
    """Return the whole traceback as Python prints it, its end where it is very long."""
    return "".join(traceback.format_exception(error))[-LONGEST_TRACEBACK:]
