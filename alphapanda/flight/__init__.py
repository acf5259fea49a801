"""The check before a flight: is everything there, alive and agreed, so that trading may begin?"""

from alphapanda.flight.finding import Finding, Level
from alphapanda.flight.registry import CHECKS, run_checks

__all__ = ["CHECKS", "Finding", "Level", "run_checks"]
