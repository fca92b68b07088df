"""Servers of the bench, begun with the product's modules loaded (Linux): measurements start two dozen of them."""

from __future__ import annotations

import os
from collections.abc import Mapping, Sequence
from pathlib import Path

from bench.servers.serve import Server
from tests.fork_server import CAN_FORK
from tests.product_processes import Forked


class Owned(Forked):
    """A process that ends when our end of its standard input does."""

    def __init__(self, call: str, arguments: Sequence[str], environment: Mapping[str, str]) -> None:
        self._read, told = os.pipe()
        self.stdin = os.fdopen(told, "wb", buffering=0)
        super().__init__(
            call,
            arguments,
            environment=environment,
            folder=Path.cwd(),
            read=Path(f"/proc/{os.getpid()}/fd/{self._read}"),
            out=Path(os.devnull),
            err=Path("/dev/stderr"),
            own_group=True,
        )

    def wait(self, timeout: float | None = None) -> int:
        """Return how it ended, as a Forked does, and let go of the end that it reads."""
        ended = super().wait(timeout)
        if self._read >= 0:
            os.close(self._read)
            self._read = -1
        return ended


def _start(server: Server) -> None:
    module, *arguments = server._module
    server.process = Owned(f"{module}:main", arguments, server._environ)  # type: ignore[assignment]


def begin_warm() -> None:
    """Have the bench's servers of this process begin warm, where it can."""
    if CAN_FORK:
        Server.start = _start  # type: ignore[assignment]  # for the tests alone
