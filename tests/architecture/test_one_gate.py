"""Every order passes one gate: nothing but the gate makes orders, and nothing but execution speaks to a broker."""

import re
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
APPS = ("alphapanda", "instruments", "market", "portfolio", "trading")


def places(pattern: str) -> set[str]:
    """Return the product's files in which the pattern occurs, tests and migrations left out."""
    found = set()
    for app in APPS:
        for path in (ROOT / app).rglob("*.py"):
            name = path.relative_to(ROOT).as_posix()
            if "/tests/" not in name and "/migrations/" not in name and re.search(pattern, path.read_text()):
                found.add(name)
    return found


def test_only_the_gate_makes_orders():
    assert places(r"\bOrder\.objects\.(create|bulk_create|get_or_create|update_or_create)\(") == {
        "trading/risk/assessment.py"
    }


def test_only_execution_asks_a_broker_to_place():
    assert places(r"\bbroker\.place_order\(") == {"trading/orders/execution.py"}


def test_only_transitions_change_an_orders_state():
    assert places(r"Order\.objects\.filter\([^)]*\)\.update\([^)]*\bstate=") == set()
    assert places(r"OrderState\.\w+.*\n?.*\.save\(") == set()


def test_only_booking_writes_trades_and_ledger():
    assert places(r"\b(LedgerEntry|Trade)\.objects\.(create|bulk_create)\(") <= {"portfolio/booking.py"}


def test_cash_is_written_with_the_ledger_and_by_a_rebuild():
    assert places(r"\.update\(cash=") == {"portfolio/booking.py", "portfolio/rebuilding.py"}
    text = (ROOT / "portfolio" / "booking.py").read_text()
    assert text.count("LedgerEntry.objects.bulk_create(") == text.count(".update(cash=") == 1
    assert "LedgerEntry.objects.create(" not in text


def test_paper_accounts_get_the_paper_broker_and_nothing_else():
    text = (ROOT / "trading" / "brokers" / "choice.py").read_text()
    assert "ZerodhaOrders" not in text
