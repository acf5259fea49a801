import pytest

from tests.stories.pipeline import Pipeline


@pytest.fixture
def traded(pipeline: Pipeline) -> Pipeline:
    """The desk after one paper order was bought and sold."""
    pipeline.trade(
        "1505", "1499", "1499", "1499", "1511", "1511", "1511", parameters={"buy_at": "1500", "sell_at": "1510"}
    )
    return pipeline
