"""For tests of strategies, yours among them: a run of its own, told what happens; see ``docs/strategies.md``."""

from trading.run.decisions import Decision
from trading.run.faults import StrategyFault
from trading.testing.harness import StrategyTest, summary
from trading.testing.market import at, index, share
from trading.testing.outlook_form import outlook_problems
from trading.testing.vector_form import vector_problems

__all__ = [
    "Decision",
    "StrategyFault",
    "StrategyTest",
    "at",
    "index",
    "outlook_problems",
    "share",
    "summary",
    "vector_problems",
]
