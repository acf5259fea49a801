"""A run sizes within what one order may be worth, as the limits of its account and its own stood when it began."""

from decimal import Decimal
from typing import Any

from trading.models import RiskLimit
from trading.run.hosts import run_terms, terms_json


def test_the_smaller_of_both_limits_is_kept_in_its_terms(pipeline: Any) -> None:
    deployment = pipeline.deploy()
    assert terms_json(deployment)["largest_order"] is None
    RiskLimit.objects.create(account=pipeline.account, max_order_value=Decimal(250_000))
    RiskLimit.objects.create(account=pipeline.account, deployment=deployment, max_order_value=Decimal(90_000))
    terms = terms_json(deployment)
    assert run_terms(terms, list(deployment.instruments.all())).largest_order == Decimal(90_000)


def test_a_run_that_began_before_orders_were_cut_goes_on_as_it_was(pipeline: Any) -> None:
    deployment = pipeline.deploy()
    terms = {name: value for name, value in terms_json(deployment).items() if name != "largest_order"}
    assert run_terms(terms, list(deployment.instruments.all())).largest_order is None
