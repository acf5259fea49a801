"""How the schema describes each operation: with its key, with the refusals it may answer, and no others."""

from typing import Any

from drf_spectacular.utils import OpenApiParameter
from drf_standardized_errors.openapi import AutoSchema

from trading.api.idempotency import HEADER, LONGEST

# Only a body can be too large, and only a write can be refused for what stands or for its key.
OF_WRITES = {"409", "413", "422"}


class Described(AutoSchema):
    def _should_add_error_response(self, responses: dict[str, Any], status_code: str) -> bool:
        if status_code in OF_WRITES and self.method == "GET":
            return False
        if status_code == "400":  # a name there is not can be said to any of them
            return status_code not in responses
        return bool(super()._should_add_error_response(responses, status_code))

    def get_override_parameters(self) -> list[Any]:
        act = getattr(self.view, getattr(self.view, "action", None) or "", None)
        needed = getattr(act, "key_needed", None)
        return [] if needed is None else [key_parameter(needed)]


def key_parameter(needed: bool) -> OpenApiParameter:
    return OpenApiParameter(
        HEADER,
        {"type": "string", "maxLength": LONGEST},
        OpenApiParameter.HEADER,
        required=needed,
        description="A text of your own. The same request with the same key gets the first answer again.",
    )
