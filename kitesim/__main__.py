"""Start the practice exchange: python -m kitesim --help."""

import asyncio
import json
import logging
import signal
import sys

from kitesim.config import Config, read_config
from kitesim.launch import assemble_programme
from kitesim.replay.programme import Programme
from kitesim.server.app import build_app, serve_app

log = logging.getLogger("kitesim")


async def serve_until_stopped(config: Config) -> None:
    """Serve until SIGTERM or SIGINT."""
    programme = assemble_programme(config)
    stop = asyncio.Event()
    for number in (signal.SIGTERM, signal.SIGINT):
        asyncio.get_running_loop().add_signal_handler(number, stop.set)
    app = build_app(programme, config.limits)
    async with serve_app(app, config.host, config.port) as (host, port):
        address = {"url": f"http://{host}:{port}", "ws_url": f"ws://{host}:{port}"}
        print(json.dumps({"event": "ready", **address}), flush=True)
        await _play(programme, stop)
        for socket in list(programme.exchange.sockets):
            await socket.close()
    programme.save(stopping=True)
    programme.exchange.store.close()
    log.info("stopped")


async def _play(programme: Programme, stop: asyncio.Event) -> None:
    """The market plays until someone stops it; a market that fails takes the program down."""
    playing = asyncio.create_task(programme.run())
    stopping = asyncio.create_task(stop.wait())
    await asyncio.wait({playing, stopping}, return_when=asyncio.FIRST_COMPLETED)
    if playing.done():
        playing.result()
        await stopping
    playing.cancel()
    await asyncio.gather(playing, return_exceptions=True)


def main() -> int:
    config = read_config()
    logging.basicConfig(level=logging.INFO, stream=sys.stderr, format="%(asctime)s %(name)s %(levelname)s %(message)s")
    try:
        asyncio.run(serve_until_stopped(config))
    except (ValueError, OSError) as error:
        log.error("%s", error)
        return 2
    return 0


sys.exit(main())
