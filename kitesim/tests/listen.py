"""Run Zerodha's own ticker against an address and print what it hears, one JSON object a line.

A program of its own: Twisted's reactor cannot be started twice in one process.
"""

import argparse
import json
import sys
import time
from pathlib import Path

from kiteconnect import KiteTicker
from twisted.internet import reactor


def say(kind: str, **what: object) -> None:
    print(json.dumps({"kind": kind, "wall": time.time(), **what}, default=str), flush=True)


class Listener:
    """Subscribes, listens for so many seconds or until a message says the end, and leaves."""

    def __init__(self, flags: argparse.Namespace) -> None:
        self.flags = flags
        self.frames: list[bytes] = []
        ticker = KiteTicker("kitesim", flags.access_token, root=flags.ws_url)
        ticker.on_connect, ticker.on_message, ticker.on_close = self.connected, self.heard, self.closed
        ticker.on_error, ticker.on_order_update = self.failed, lambda _, order: say("order", order=order)
        if not flags.frames:
            ticker.on_ticks = lambda _, ticks: say("ticks", ticks=ticks)
        reactor.callLater(flags.seconds, self.leave)
        ticker.connect()

    def connected(self, ticker: KiteTicker, _: object) -> None:
        say("connected")
        for mode in ("ltp", "quote", "full"):
            tokens = [int(token) for token in getattr(self.flags, mode).split(",") if token]
            if tokens:
                ticker.subscribe(tokens)
                ticker.set_mode(mode, tokens)

    def heard(self, _: KiteTicker, payload: bytes, is_binary: bool) -> None:
        if is_binary and len(payload) == 1:
            say("heartbeat")
        elif is_binary:
            self.frames.append(len(payload).to_bytes(4, "big") + payload)
        if not is_binary:
            text = json.loads(payload)
            say("text", **text)
            if text["type"] == "message":
                self.leave()

    def closed(self, _: KiteTicker, code: int, reason: str) -> None:
        say("closed", code=code, reason=str(reason))

    def failed(self, _: KiteTicker, code: int, reason: str) -> None:
        say("error", code=code, reason=str(reason))

    def leave(self) -> None:
        if self.flags.frames:
            Path(self.flags.frames).write_bytes(b"".join(self.frames))
        if reactor.running:
            reactor.stop()


def main() -> None:
    flags = argparse.ArgumentParser()
    flags.add_argument("ws_url")
    flags.add_argument("access_token")
    flags.add_argument("--seconds", type=float, default=3)
    flags.add_argument("--frames", default="")
    for mode in ("ltp", "quote", "full"):
        flags.add_argument(f"--{mode}", default="")
    Listener(flags.parse_args())


if __name__ == "__main__":
    sys.exit(main())
