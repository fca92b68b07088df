"""Servers of the bench, on this machine: `python -m bench.servers.serve <factory>` serves as `cbt serve` does."""

from __future__ import annotations

import os
import sys
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from functools import partial
from pathlib import Path

from bench.on_off.mechanisms import take_out
from bench.servers.off import OFF_VARIABLE, names_in, writes_itself
from bench.servers.ref import serve_plainly
from bench.servers.views import VIEWS_VARIABLE
from cbt.cli import main as cbt
from cbt.config import read_settings
from cbt.ops import serve
from cbt.ops.serve import run_server
from cbt.rehearsal.server import LoopbackServer, end_with_owner
from cbt.storage.write_queue.writer_client import can_share, is_owned

PRODUCT = "cbt serve"
"""The product as it is started by hand: its lock, its preparation, then its workers."""
SLOW = "bench.servers.slow:worker"
BY_VIEWS = "bench.servers.views:worker"
"""The product with hot addresses left to their views, beside the product: its writing process writes for both."""
REF = "ref"
"""REF on plain granian."""
REF_BEHIND_FRONT = "bench.servers.ref:behind_front"
OWNERS = {SLOW: "bench.servers.slow:journal_of"}
WRITTEN_BY_ONE = (PRODUCT, SLOW)
OWNED_SECONDS = 60.0


class Server(LoopbackServer):
    """One server of the bench in a process group of its own."""

    def __init__(self, factory: str, environ: Mapping[str, str]) -> None:
        super().__init__(["bench.servers.serve", factory], {**os.environ, **environ})


@contextmanager
def running(factory: str, environ: Mapping[str, str]) -> Iterator[Server]:
    """Serve `factory` for the length of the block and yield the server, the process that owns its writing with it.

    That one loads longer than the others, who write themselves meanwhile: before an exam it is long there.
    """
    server = Server(factory, environ)
    try:
        server.wait_ready()
        by_one = factory in WRITTEN_BY_ONE and not writes_itself(names_in(environ.get(OFF_VARIABLE, "")))
        if by_one and not environ.get("CBT_DATABASE_URL") and can_share():
            _wait_owned(Path(environ["CBT_DATA_DIR"]))
        yield server
    finally:
        server.stop()


@contextmanager
def serving(factory: str, environ: Mapping[str, str]) -> Iterator[int]:
    """Serve `factory` for the length of the block and yield the port."""
    with running(factory, environ) as server:
        yield server.port


def _wait_owned(folder: Path) -> None:
    until = time.monotonic() + OWNED_SECONDS
    while not is_owned(folder):
        if time.monotonic() > until:
            raise TimeoutError(f"nobody owns the writing in {folder}")
        time.sleep(0.1)


def main() -> None:
    """Serve until the harness closes our standard input, whichever way it ends."""

    end_with_owner()
    if sys.argv[1] == PRODUCT:
        if os.environ.get(VIEWS_VARIABLE):
            serve.run_server = partial(run_server, factory="bench.servers.views:worker")
        if (out := os.environ.get(OFF_VARIABLE)) is not None:
            take_out(names_in(out))
            serve.run_server = partial(run_server, factory="bench.servers.off:worker")
        cbt(["serve"])
    elif sys.argv[1] == REF:
        serve_plainly()
    else:
        run_server(read_settings(), factory=sys.argv[1], owner=OWNERS.get(sys.argv[1]), held=False)


if __name__ == "__main__":
    main()
