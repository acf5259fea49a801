import pytest
from tablib import Dataset

from instruments.admin import TradingSessionResource
from instruments.models import TradingSession

pytestmark = pytest.mark.django_db

HEADERS = ("exchange", "security_class", "day", "phases", "is_holiday", "name", "source")
OPEN = '[{"kind": "continuous", "from": "09:15", "to": "15:30"}]'


def imported(*rows: tuple[str, ...]):
    return TradingSessionResource().import_data(Dataset(*rows, headers=HEADERS))


def test_rows_of_a_table_become_sessions_edited_by_hand():
    imported(("NSE", "equity", "2027-01-04", OPEN, "0", "", "circular 1"))
    imported(("NSE", "equity", "2027-01-04", "[]", "1", "A feast", "circular 2"))
    session = TradingSession.objects.get()
    assert (session.phases, session.is_holiday, session.by_hand, session.source) == ([], True, True, "circular 2")


def test_a_row_that_cannot_be_meant_is_refused_with_its_reason():
    backwards = OPEN.replace("15:30", "09:00")
    result = imported(("NSE", "equity", "2027-01-04", backwards, "0", "", "circular 1"))
    assert "it would close at 09:00" in str(result.invalid_rows[0].error)
    assert not TradingSession.objects.exists()
