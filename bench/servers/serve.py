"""Servers of the bench: `python -m bench.servers.serve <factory>` serves as `cbt serve` does, to this machine."""

from __future__ import annotations

import os
import sys
from collections.abc import Iterator, Mapping
from contextlib import contextmanager

from cbt.cli import main as cbt
from cbt.config import read_settings
from cbt.ops.serving import run_server
from cbt.rehearsal.server import LoopbackServer, end_with_owner

PRODUCT = "cbt serve"
"""The product as it is started by hand: its lock, its preparation, then its workers."""
SLOW = "bench.servers.slow:worker"
REF = "bench.servers.ref:worker"
OWNERS = {SLOW: "bench.servers.slow:journal_of"}
REPLY_VARIABLE = "BENCH_REPLY"


class Server(LoopbackServer):
    """One server of the bench in a process group of its own."""

    def __init__(self, factory: str, environ: Mapping[str, str]) -> None:
        super().__init__(["bench.servers.serve", factory], {**os.environ, **environ})


@contextmanager
def running(factory: str, environ: Mapping[str, str]) -> Iterator[Server]:
    """Serve `factory` for the length of the block and yield the server."""
    server = Server(factory, environ)
    try:
        server.wait_ready()
        yield server
    finally:
        server.stop()


@contextmanager
def serving(factory: str, environ: Mapping[str, str]) -> Iterator[int]:
    """Serve `factory` for the length of the block and yield the port."""
    with running(factory, environ) as server:
        yield server.port


def main() -> None:
    """Serve until the harness closes our standard input, whichever way it ends."""

    end_with_owner()
    if sys.argv[1] == PRODUCT:
        cbt(["serve"])
    else:
        run_server(read_settings(), factory=sys.argv[1], owner=OWNERS.get(sys.argv[1]), held=False)


if __name__ == "__main__":
    main()
