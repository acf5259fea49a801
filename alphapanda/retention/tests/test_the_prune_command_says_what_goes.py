"""`manage.py prune` says what goes and what would go, and waits for the close."""

import json
from datetime import datetime, time
from io import StringIO

import pytest
from django.core.management import CommandError, call_command

from alphapanda.core.clock.services import set_market_time
from alphapanda.core.journal.models import Event
from alphapanda.core.timezone import IST
from alphapanda.retention.tests.conftest import LAST_DAY
from trading.models import Evaluation


def said(*arguments):
    out = StringIO()
    call_command("prune", *arguments, stdout=out)
    return out.getvalue()


def test_a_dry_run_says_what_would_go_and_deletes_nothing(kept):
    kept.evaluation(kept.ago(31))
    assert "Why no trade: 1 rows would go. Kept: 30 days" in said("--dry-run")
    assert json.loads(said("--dry-run", "--json"))["of"]["trading_evaluation"] == 1
    assert Evaluation.objects.count() == 1


def test_the_command_prunes_at_once_and_the_day_is_done(kept):
    kept.evaluation(kept.ago(31))
    assert "Why no trade: 1 rows went." in said()
    assert not Evaluation.objects.exists()
    assert Event.objects.filter(kind="tables.pruned").count() == 1


def test_the_command_waits_for_the_close_and_a_dry_run_does_not(kept):
    set_market_time(datetime.combine(LAST_DAY, time(12), IST), 0)
    kept.evaluation(kept.ago(31))
    with pytest.raises(CommandError, match="market is open"):
        said()
    assert "1 rows would go" in said("--dry-run")
    assert Evaluation.objects.exists()
