"""Every refusal in one shape: type, and errors with a code, words, and the field they are about."""

from collections.abc import Mapping
from types import MappingProxyType
from typing import Any

import redis
from django.core.exceptions import RequestDataTooBig
from django.core.exceptions import ValidationError as ModelValidationError
from django.db import DataError, OperationalError
from drf_standardized_errors.handler import ExceptionHandler
from drf_standardized_errors.openapi_serializers import ClientErrorEnum
from rest_framework import exceptions, serializers
from rest_framework.response import Response

from alphapanda.core.guesses import TooManyGuesses
from alphapanda.core.journal.services import CannotDecide
from trading.api.parsing import TooLarge
from trading.errors import NotAllowed
from trading.exits.by_hand import ChoiceNeeded
from trading.orders.life_cycle import IllegalTransition


class Conflict(exceptions.APIException):
    """The request makes sense but may not be done now; the words say why."""

    status_code = 409
    default_code = "not_allowed"
    more: Mapping[str, Any] = MappingProxyType({})  # what the answer carries besides its words


class ChoiceConflict(Conflict):
    """The order could close what deployments hold: the answer carries the choices."""

    default_code = "choice_needed"

    def __init__(self, needed: ChoiceNeeded) -> None:
        super().__init__(str(needed))
        choices = [
            {
                "deployment": str(one.deployment.pk),
                "name": one.deployment.name,
                "held": one.held,
                "closable": one.closable,
            }
            for one in needed.choices
        ]
        self.more = {"choices": choices}


class KeyUsedOtherwise(exceptions.APIException):
    status_code = 422
    default_code = "idempotency_key_reused"
    default_detail = "This Idempotency-Key was used for another request. Take a new key for a new request."


class Unavailable(exceptions.APIException):
    status_code = 503
    default_code = "unavailable"


class Problems(ExceptionHandler):
    """Translates what services raise; whatever it does not know stays a 500 without details."""

    def convert_known_exceptions(self, exc: Exception) -> Exception:
        return translate_error(super().convert_known_exceptions(exc))

    def get_response(self, exc: exceptions.APIException, data: dict[Any, Any]) -> Response:
        more = exc.more if isinstance(exc, Conflict) else {}
        return super().get_response(exc, {**data, **more})


def translate_error(error: Exception) -> Exception:
    if isinstance(error, ChoiceNeeded):
        return ChoiceConflict(error)
    if isinstance(error, NotAllowed | CannotDecide | IllegalTransition):
        return Conflict(str(error))
    if isinstance(error, TooManyGuesses):
        return exceptions.Throttled(error.wait)
    if isinstance(error, ModelValidationError):
        return exceptions.ValidationError(serializers.as_serializer_error(error))
    if isinstance(error, RequestDataTooBig):
        return TooLarge()
    if isinstance(error, DataError | OverflowError):
        # What passed the field's own check and PostgreSQL cannot hold: the year 154 with a zone of +17:43.
        return exceptions.ValidationError("A number or a date is outside of what can be kept.")
    if isinstance(error, OperationalError):
        return Unavailable("The database is busy or away. Nothing was changed; ask again with the same key.")
    if isinstance(error, redis.RedisError):
        return Unavailable("Valkey does not answer, so prices and queues are unknown.")
    return error


class _Problem(serializers.Serializer[Any]):
    type = serializers.ChoiceField(ClientErrorEnum.choices)


class _WrongError(serializers.Serializer[Any]):
    code = serializers.CharField()
    detail = serializers.CharField()
    attr = serializers.CharField(allow_null=True, help_text="As it was said: also a name there is not.")


class WrongSchema(serializers.Serializer[Any]):
    type = serializers.ChoiceField(["client_error", "validation_error"])
    errors = _WrongError(many=True)


class _ConflictError(serializers.Serializer[Any]):
    code = serializers.ChoiceField(choices=["not_allowed"])
    detail = serializers.CharField()
    attr = serializers.CharField(allow_null=True)


class ConflictSchema(_Problem):
    errors = _ConflictError(many=True)


class _ChoiceError(_ConflictError):
    code = serializers.ChoiceField(choices=["choice_needed"])


class _Choice(serializers.Serializer[Any]):
    deployment = serializers.UUIDField()
    name = serializers.CharField()
    held = serializers.IntegerField()
    closable = serializers.IntegerField()


class ChoiceSchema(_Problem):
    errors = _ChoiceError(many=True)
    choices = _Choice(many=True)


class _ReusedKeyError(_ConflictError):
    code = serializers.ChoiceField(choices=["idempotency_key_reused"])


class ReusedKeySchema(_Problem):
    errors = _ReusedKeyError(many=True)


class _TooLargeError(_ConflictError):
    code = serializers.ChoiceField(choices=["too_large"])


class TooLargeSchema(_Problem):
    errors = _TooLargeError(many=True)
