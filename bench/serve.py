"""Servers of the bench: `python -m bench.serve <factory>` serves as `cbt serve` does, on this machine only."""

from __future__ import annotations

import os
import signal
import socket
import subprocess
import sys
import threading
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager

from bench.client import HOST
from cbt.config import read_settings
from cbt.serving import run_server

PRODUCT = "cbt.serving:worker_app"
SLOW = "bench.slow:worker_app"
REF = "bench.ref:worker_app"
REPLY_VARIABLE = "BENCH_REPLY"
READY_SECONDS = 60.0


@contextmanager
def serving(factory: str, environ: Mapping[str, str]) -> Iterator[int]:
    """Serve `factory` for the length of the block and yield the port."""
    port = _free_port()
    process = subprocess.Popen(
        [sys.executable, "-m", "bench.serve", factory],
        env={**os.environ, **environ, "CBT_HOST": HOST, "CBT_PORT": str(port)},
        stdin=subprocess.PIPE,
    )
    try:
        _wait_ready(port, process)
        yield port
    finally:
        assert process.stdin is not None
        process.stdin.close()
        process.wait(30)


def _free_port() -> int:
    with socket.socket() as probe:
        probe.bind((HOST, 0))
        return int(probe.getsockname()[1])


def _wait_ready(port: int, process: subprocess.Popen[bytes]) -> None:
    until = time.monotonic() + READY_SECONDS
    while time.monotonic() < until:
        if process.poll() is not None:
            break
        try:
            with socket.create_connection((HOST, port), 10) as line:
                line.sendall(f"GET /ready HTTP/1.1\r\nHost: {HOST}\r\nConnection: close\r\n\r\n".encode())
                if line.recv(100).startswith(b"HTTP/1.1"):
                    return
        except OSError:
            time.sleep(0.1)
    raise RuntimeError("a server of the bench did not start")


def main() -> None:
    """Serve until the harness closes our standard input, whichever way it ends."""

    def watch() -> None:
        os.read(0, 1)  # not by sys.stdin: its lock would be held while the workers fork
        os.kill(os.getpid(), signal.SIGTERM)

    threading.Thread(target=watch, daemon=True).start()
    run_server(read_settings(), factory=sys.argv[1])


if __name__ == "__main__":
    main()
