"""How strategies write numbers: Indian grouping, a true minus, two decimals."""

from decimal import Decimal

from alphapanda.core.figures import price as money

__all__ = ["counted", "money", "nearness", "percent"]


def percent(share: Decimal) -> str:
    """Signed, two decimals, a no-break space before the sign."""
    return f"{'−' if share < 0 else '+'}{abs(share):.2f}\u00a0%"


def counted(number: int, noun: str) -> str:
    return f"{number} {noun}{'' if number == 1 else 's'}"


def nearness(value: Decimal | float) -> float:
    """Clip to 0..1 and keep three digits."""
    return round(min(max(float(value), 0.0), 1.0), 3)
