"""The journeys' server with a log that is emptied often, so that a short run sees many of them."""

from __future__ import annotations

import os

from granian import Granian
from granian.constants import Interfaces

from cbt.http.server.front import Front
from cbt.storage import mirror
from tests.journeys import server

EMPTY_AT = 150


def worker() -> Front:
    """Return the front of one server process."""
    mirror.EMPTY_AT = EMPTY_AT
    return server.worker()


def main() -> None:
    """Serve on 127.0.0.1 until told to stop."""
    Granian(
        "tests.torture.copy_server:worker",
        address="127.0.0.1",
        port=int(os.environ["CBT_PORT"]),
        interface=Interfaces.RSGI,
        workers=2,
        log_enabled=False,
        factory=True,
        websockets=False,
    ).serve()


if __name__ == "__main__":
    main()
