"""Waiting for something without a fixed sleep."""

from __future__ import annotations

import socket
import threading
import time
from collections.abc import Callable

PATIENCE_SECONDS = 60.0
_STEP_SECONDS = 0.01


def pause(seconds: float) -> None:
    """Do nothing for `seconds`."""
    threading.Event().wait(seconds)


def wait_for(condition: Callable[[], object], seconds: float = PATIENCE_SECONDS) -> bool:
    """Return whether `condition` came true within `seconds`."""
    until = time.monotonic() + seconds
    while time.monotonic() < until:
        if condition():
            return True
        pause(_STEP_SECONDS)
    return bool(condition())


def free_port() -> int:
    """Return a port of the loopback address that nobody listens on."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


def is_free(port: int) -> bool:
    """Return whether nobody listens on `port`; connections that just ended do not count."""
    with socket.socket() as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind(("127.0.0.1", port))
        except OSError:
            return False
    return True
