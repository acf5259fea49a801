"""Whether a browser takes what it is sent. daphne accepts every message at once and keeps it in memory for a reader
that does not read; other servers make the sender wait by themselves."""

import asyncio
from functools import partial
from typing import Any

LOOK_SECONDS = 0.05


class Line:
    """The connection behind an ASGI ``send``, as far as it can be seen."""

    def __init__(self, send: Any) -> None:
        self._transport = transport_behind(send)

    @property
    def is_clogged(self) -> bool:
        """Whether more than Twisted's buffer (64 KiB) waits in this process for the reader."""
        return bool(getattr(self._transport, "producerPaused", False))

    async def free(self) -> None:
        while self.is_clogged:
            await asyncio.sleep(LOOK_SECONDS)


def transport_behind(send: Any) -> Any:
    """Return daphne's transport: ``send`` is its handler bound to the protocol, wrapped once to save the session."""
    inner = getattr(getattr(send, "__self__", None), "real_send", send)
    protocol = inner.args[0] if isinstance(inner, partial) and inner.args else None
    return getattr(protocol, "transport", None)
