"""What a service manager is told of a start: systemd's notification protocol, where there is somebody to tell."""

from __future__ import annotations

import contextlib
import os
import socket

VARIABLE = "NOTIFY_SOCKET"


def tell(state: str) -> None:
    """Send `state` (`READY=1`) to the service manager; without one, nothing happens."""
    address = os.environ.get(VARIABLE, "")
    if not address:
        return
    name = f"\0{address[1:]}" if address.startswith("@") else address
    with contextlib.suppress(OSError), socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as line:
        line.sendto(state.encode(), name)
