"""JSON bodies of a bounded size, JSON to the end: no nesting without bottom, no characters that no database keeps."""

import json
from io import BytesIO
from typing import Any

from django.conf import settings
from rest_framework.exceptions import APIException, ParseError
from rest_framework.parsers import JSONParser


class TooLarge(APIException):
    status_code = 413
    default_code = "too_large"
    default_detail = f"A body has at most {settings.DATA_UPLOAD_MAX_MEMORY_SIZE:,} bytes."


class StrictJsonParser(JSONParser):
    def parse(self, stream: Any, media_type: Any = None, parser_context: Any = None) -> Any:
        sent = stream.read(settings.DATA_UPLOAD_MAX_MEMORY_SIZE + 1)
        if len(sent) > settings.DATA_UPLOAD_MAX_MEMORY_SIZE:
            raise TooLarge
        try:
            body = super().parse(BytesIO(sent), media_type, parser_context)
            json.dumps(body, ensure_ascii=False).encode()
        except RecursionError as error:
            raise ParseError("JSON parse error - it is nested too deeply") from error
        except UnicodeEncodeError as error:
            raise ParseError("JSON parse error - it holds half of a surrogate pair") from error
        return body
