"""Knows every stage that can replay a dead letter: importing this module registers them."""

from trading.orders import fills
from trading.risk import assessment

__all__ = ["assessment", "fills"]
