"""What a service manager is told of a start: systemd's notification protocol, where there is somebody to tell."""

from __future__ import annotations

import asyncio
import contextlib
import os
import socket

VARIABLE = "NOTIFY_SOCKET"
_ASKED_AGAIN_SECONDS = 0.02


async def tell_when_served(address: str, port: int) -> None:
    """Send `READY=1` to the service manager once somebody can connect to `address` and `port`."""
    while os.environ.get(VARIABLE):
        with contextlib.suppress(OSError):
            _, line = await asyncio.open_connection(address, port)
            line.close()
            tell("READY=1")
            return
        await asyncio.sleep(_ASKED_AGAIN_SECONDS)


def tell(state: str) -> None:
    """Send `state` (`READY=1`) to the service manager; without one, nothing happens."""
    address = os.environ.get(VARIABLE, "")
    if not address:
        return
    name = f"\0{address[1:]}" if address.startswith("@") else address
    with contextlib.suppress(OSError), socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as line:
        line.sendto(state.encode(), name)
