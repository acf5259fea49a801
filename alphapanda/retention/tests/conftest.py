"""A small installation a quarter of a year into its life; today is a Monday, long after every market has closed."""

from datetime import date, datetime, timedelta
from decimal import Decimal

import pytest

from alphapanda.core.clock.services import set_market_time
from instruments.models import Instrument
from market.models import Candle
from portfolio.booking import ensure_portfolio
from portfolio.models import PnlSnapshot
from tests.stories.pipeline import Pipeline, at, make_instrument
from trading.models import Evaluation, Run
from trading.tests.conftest import pipeline

PRICES = dict.fromkeys(("open", "high", "low", "close"), Decimal(1500))
EVENING = at("20:00:00")
# The calendar these tests have knows two days.
LAST_DAY = date(EVENING.year, 12, 31)


class Kept:
    """Writes rows of so many days ago."""

    def __init__(self, pipeline: Pipeline) -> None:
        self.pipeline = pipeline
        self.tcs: Instrument = make_instrument(2953217, "TCS")
        deployment = pipeline.deploy()
        self.run = Run.objects.create(
            deployment=deployment, number=1, code_hash="x", parameters={}, terms={}, started_at=self.ago(100)
        )
        self.portfolio = ensure_portfolio(pipeline.account, deployment.pk, deployment.name)

    def ago(self, days: int, clock: str = "10:00:00") -> datetime:
        return at(clock) - timedelta(days=days)

    def evaluation(self, when: datetime) -> Evaluation:
        return Evaluation.objects.create(run=self.run, instrument=self.pipeline.infy, at=when, text="no signal")

    def candle(self, instrument: Instrument, when: datetime, interval: int = 1) -> Candle:
        return Candle.objects.create(instrument=instrument, interval=interval, start=when, volume=1, **PRICES)

    def snapshot(self, when: datetime, net: str | None) -> PnlSnapshot:
        return PnlSnapshot.objects.create(
            portfolio=self.portfolio, at=when, day=when.date(), realised=0, net=net and Decimal(net)
        )


@pytest.fixture
def kept(pipeline: Pipeline, monkeypatch: pytest.MonkeyPatch) -> Kept:
    """What a market day has left, in the evening. The clock of these tests stands, unlike a desk's."""
    monkeypatch.setattr("alphapanda.retention.pruning.clock_stands", lambda: False)
    set_market_time(EVENING, 0)
    return Kept(pipeline)


__all__ = ["pipeline"]
