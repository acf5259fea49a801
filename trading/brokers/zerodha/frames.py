"""The ticker's text frames: an order update, an error or a message, and whatever else comes, without raising."""

import json
from typing import Any, NamedTuple


class TextFrame(NamedTuple):
    """``kind`` is order, error or message, or empty for what cannot be read; ``text`` is the frame as it came."""

    kind: str
    data: Any
    text: str


def read_text(payload: bytes) -> TextFrame:
    """Read a text frame; an exception in a ticker callback would cost the connection, so there is none."""
    text = payload.decode("utf-8", "replace")
    try:
        said = json.loads(text)
    except (ValueError, RecursionError):
        return TextFrame("", None, text)
    if not isinstance(said, dict) or not isinstance(said.get("type"), str):
        return TextFrame("", None, text)
    return TextFrame(said["type"], said.get("data"), text)
