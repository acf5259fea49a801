"""The case a decision was made on, as it is kept with it, and the same case judged again. Pure."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import msgspec

from trading.risk.assess import assess
from trading.risk.verdicts import Case


def plain_case(case: Case) -> dict[str, Any]:
    """Return a case as JSON values: money as strings, times in ISO 8601; ``case_of`` gives it back."""
    plain: dict[str, Any] = msgspec.to_builtins(case)
    return plain


def case_of(plain: dict[str, Any]) -> Case:
    """Raises msgspec.ValidationError for what is no case of this version."""
    return msgspec.convert(plain, Case)


def unlike_checks(plain: dict[str, Any], checks: Sequence[dict[str, Any]]) -> list[str]:
    """Return the codes of the rules that answer a kept case otherwise than they did, each once."""
    again = {(one.code.value, one.scope): one.as_dict() for one in assess(case_of(plain)).checks}
    before = {(one["code"], one["scope"]): one for one in checks}
    changed = (rule for rule in [*before, *again] if before.get(rule) != again.get(rule))
    return list(dict.fromkeys(code for code, _ in changed))
