"""What a service manager is told of a start: systemd's notification protocol, where there is somebody to tell."""

from __future__ import annotations

import contextlib
import http.client
import os
import socket
import ssl
import threading
import time

from cbt.config import Settings

VARIABLE = "NOTIFY_SOCKET"
ASK_AGAIN_SECONDS = 0.2
PATIENCE_SECONDS = 5
_EVERY_ADDRESS = {"0.0.0.0": "127.0.0.1", "::": "::1"}


def tell(state: str) -> None:
    """Send `state` (`READY=1`, `STATUS=…`) to the service manager; without one, nothing happens."""
    address = os.environ.get(VARIABLE, "")
    if not address:
        return
    name = f"\0{address[1:]}" if address.startswith("@") else address
    with contextlib.suppress(OSError), socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as line:
        line.sendto(state.encode(), name)


def tell_when_answering(settings: Settings) -> None:
    """Tell the service manager, from a thread of its own, once a server process answers a request."""
    if VARIABLE in os.environ:
        threading.Thread(target=_await_answer, args=(settings,), name="readiness", daemon=True).start()


def _await_answer(settings: Settings) -> None:
    while not answers(settings):
        time.sleep(ASK_AGAIN_SECONDS)
    tell("READY=1\nSTATUS=")


def answers(settings: Settings) -> bool:
    """Return whether the server answers on this machine, whatever it answers."""
    host = _EVERY_ADDRESS.get(settings.host, settings.host)
    if settings.tls_cert is None:
        line = http.client.HTTPConnection(host, settings.port, timeout=PATIENCE_SECONDS)
    else:
        # Whether its certificate is good is the browsers' to judge, under the name that they ask for.
        trusting = ssl._create_unverified_context()
        line = http.client.HTTPSConnection(host, settings.port, timeout=PATIENCE_SECONDS, context=trusting)
    try:
        line.request("GET", "/healthz")
        return line.getresponse().status > 0
    except (OSError, http.client.HTTPException):
        return False
    finally:
        line.close()
