"""What can be wrong with a strategy's code, told so that a person can act on it."""

from trading.run.decisions import Decision


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
