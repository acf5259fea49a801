"""Runs Kite's ticker source in a process of its own: inbox messages out, one JSON line each; orders in."""

import asyncio
import json
import sys
import threading

from market.feeds import Inbox
from trading.brokers.zerodha.ticker import KiteTickSource, run_reactor_on


def say(**message):
    sys.stdout.write(json.dumps(message) + "\n")
    sys.stdout.flush()


async def main():
    loop = asyncio.get_running_loop()
    run_reactor_on(loop)
    from trading.brokers.zerodha import ticker_client

    ticker_client.SILENCE_SECONDS, ticker_client.FIRST_DELAY = float(sys.argv[1]), 0.05
    ticker_client.PatientFactory.initialDelay = ticker_client.PatientFactory.delay = 0.05
    inbox = Inbox()
    source = KiteTickSource(None, inbox, login=("the-key", "the-secret-access-token"))
    source.want({408065: "full", 256265: "ltp"})
    orders: asyncio.Queue = asyncio.Queue()

    def listen():
        for line in sys.stdin:
            loop.call_soon_threadsafe(orders.put_nowait, line.split())

    threading.Thread(target=listen, daemon=True).start()
    await source.start()
    asyncio.create_task(tell(inbox))  # noqa: RUF006
    while True:
        order, *words = await orders.get()
        if order == "stop":
            await source.stop()
            break
        if order == "want":
            source.want({int(token): mode for token, mode in (word.split("=") for word in words)})
        else:
            getattr(source, order)()
        say(type="done", order=order)


async def tell(inbox):
    while True:
        message = await inbox.get()
        if "payload" in message:
            message["payload"] = message["payload"].hex()
        say(**message)


asyncio.run(main())
