"""What rows and code know of a request: its strategy, parameters, instruments and account; wrong ones by field."""

from __future__ import annotations

from typing import NamedTuple

from instruments.models import Instrument
from portfolio.models import Account
from trading.lab.building import RunPlan
from trading.lab.request import BacktestRequest, BadRequest
from trading.run.hosts import UnknownStrategy, largest_order, run_terms, strategy_class

NEAR = 3


class Checked(NamedTuple):
    """What a request names: the run to be made, its instruments, and the account whose limits count, if any."""

    plan: RunPlan
    instruments: list[Instrument]
    account: Account | None


def check_request(request: BacktestRequest) -> Checked:
    """Return what a request names. Raises BadRequest or BadParameters for what could not be run, whatever its data."""
    plan, instruments = _plan_of(request), _instruments_of(request)
    try:
        run_terms(dict(plan.terms), instruments)
    except ValueError as problem:
        raise BadRequest({"instruments": str(problem)}) from problem
    return Checked(plan, instruments, _account_of(request))


def _plan_of(request: BacktestRequest) -> RunPlan:
    """Return the run to be made, defaults of its parameters filled in. Raises BadRequest or BadParameters."""
    try:
        strategy = strategy_class(request.strategy)
    except UnknownStrategy as unknown:
        raise BadRequest({"strategy": str(unknown)}) from unknown
    parameters = strategy.Parameters.from_json(dict(request.parameters)).to_json()
    account = _account_of(request)
    largest = largest_order(account.pk) if account else None
    return RunPlan(request.strategy, strategy, parameters, request.terms() | {"largest_order": largest})


def _instruments_of(request: BacktestRequest) -> list[Instrument]:
    """Raises BadRequest for those that are not on the list, with what is near."""
    found = Instrument.objects.by_keys(list(request.instruments))
    if lacking := [key for key in request.instruments if key not in found]:
        near = [one.key for one in Instrument.objects.search(lacking[0].partition(":")[2])[:NEAR]]
        hint = f"; near it: {', '.join(near)}" if near else ""
        raise BadRequest({"instruments": f"not in the instruments loaded: {', '.join(lacking)}{hint}"})
    return list(found.values())


def _account_of(request: BacktestRequest) -> Account | None:
    """The account whose limits and margins count, if one is named. Raises BadRequest."""
    if not request.account:
        return None
    account = Account.objects.filter(name=request.account).first()
    if account is None:
        known = ", ".join(Account.objects.values_list("name", flat=True)) or "none yet"
        raise BadRequest({"account": f"there is no account {request.account!r}; there are: {known}"})
    return account
