"""Knows every stage that can replay a dead letter: importing this module registers them."""

from trading.services import assessment, fills

__all__ = ["assessment", "fills"]
