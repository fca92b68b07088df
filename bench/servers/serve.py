"""Servers of the bench: `python -m bench.servers.serve <factory>` serves as `cbt serve` does, to this machine."""

from __future__ import annotations

import os
import signal
import socket
import subprocess
import sys
import threading
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager, suppress
from pathlib import Path

from bench.traffic.client import HOST
from cbt.cli import main as cbt
from cbt.config import read_settings
from cbt.ops.serving import run_server

PRODUCT = "cbt serve"
"""The product as it is started by hand: its lock, its preparation, then its workers."""
SLOW = "bench.servers.slow:worker"
REF = "bench.servers.ref:worker"
OWNERS = {SLOW: "bench.servers.slow:journal_of"}
REPLY_VARIABLE = "BENCH_REPLY"
READY_SECONDS = 60.0


class Server:
    """One server in a process group of its own."""

    def __init__(self, factory: str, environ: Mapping[str, str]) -> None:
        self.port = _free_port()
        self._factory = factory
        self._environ = {**os.environ, **environ, "CBT_HOST": HOST, "CBT_PORT": str(self.port)}
        self.start()

    def start(self) -> None:
        """Start the processes; `wait_ready` tells when they answer."""
        self.process = subprocess.Popen(
            [sys.executable, "-m", "bench.servers.serve", self._factory],
            env=self._environ,
            stdin=subprocess.PIPE,
            stdout=subprocess.DEVNULL,
            start_new_session=True,
        )

    def wait_ready(self) -> None:
        """Return once a request is answered; raise RuntimeError when none is within a minute."""
        until = time.monotonic() + READY_SECONDS
        while time.monotonic() < until and self.process.poll() is None:
            try:
                with socket.create_connection((HOST, self.port), 10) as line:
                    line.sendall(f"GET /ready HTTP/1.1\r\nHost: {HOST}\r\nConnection: close\r\n\r\n".encode())
                    if line.recv(100).startswith(b"HTTP/1.1"):
                        return
            except OSError:
                time.sleep(0.1)
        raise RuntimeError("a server of the bench did not start")

    def kill_worker(self) -> None:
        """Kill -9 the worker that has worked most."""
        # Of the main thread's: the process that owns the writing is a child of its keeper's.
        children = Path(f"/proc/{self.process.pid}/task/{self.process.pid}/children").read_text().split()
        os.kill(max(map(int, children), key=_ticks), signal.SIGKILL)

    def kill_and_restart(self) -> None:
        """Kill -9 every process of the server and start it again on the same port."""
        os.killpg(self.process.pid, signal.SIGKILL)
        self.process.wait()
        assert self.process.stdin is not None
        self.process.stdin.close()
        self.start()

    def stop(self) -> None:
        """End it in good order; what does not end within half a minute is killed."""
        assert self.process.stdin is not None
        with suppress(OSError):
            self.process.stdin.close()
        try:
            self.process.wait(30)
        except subprocess.TimeoutExpired:
            os.killpg(self.process.pid, signal.SIGKILL)
            self.process.wait()


def _ticks(pid: int) -> int:
    fields = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    return int(fields[11]) + int(fields[12])


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


def _free_port() -> int:
    with socket.socket() as probe:
        probe.bind((HOST, 0))
        return int(probe.getsockname()[1])


def main() -> None:
    """Serve until the harness closes our standard input, whichever way it ends."""

    def watch() -> None:
        os.read(0, 1)  # not by sys.stdin: its lock would be held while the workers fork
        os.kill(os.getpid(), signal.SIGTERM)

    threading.Thread(target=watch, daemon=True).start()
    if sys.argv[1] == PRODUCT:
        cbt(["serve"])
    else:
        run_server(read_settings(), factory=sys.argv[1], owner=OWNERS.get(sys.argv[1]), held=False)


if __name__ == "__main__":
    main()
