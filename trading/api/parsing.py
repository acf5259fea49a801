"""JSON bodies that are JSON to the end: no nesting without bottom, no half characters that no database can keep."""

import json
from typing import Any

from rest_framework.exceptions import ParseError
from rest_framework.parsers import JSONParser


class StrictJsonParser(JSONParser):
    def parse(self, stream: Any, media_type: Any = None, parser_context: Any = None) -> Any:
        try:
            body = super().parse(stream, media_type, parser_context)
            json.dumps(body, ensure_ascii=False).encode()
        except RecursionError as error:
            raise ParseError("JSON parse error - it is nested too deeply") from error
        except UnicodeEncodeError as error:
            raise ParseError("JSON parse error - it holds half of a surrogate pair") from error
        return body
