"""A server process that is told to end before its loop runs: called in a process of its own."""

from __future__ import annotations

import asyncio
import os
import signal

import uvloop

from cbt.http.server.deferred import Parking
from cbt.ops import worker


def main() -> None:
    """Print whether the loop hears of it."""
    loop = uvloop.new_event_loop()
    heard = asyncio.Event()
    loop.add_signal_handler(
        signal.SIGTERM, heard.set
    )  # as granian does, before it hands the loop to the front
    parking = Parking()
    parking.open(loop)
    worker._send_home_when_told_to_end(loop, parking)
    os.kill(os.getpid(), signal.SIGTERM)

    async def serve() -> None:
        await asyncio.wait_for(heard.wait(), 20)

    loop.run_until_complete(serve())
    print("heard")
