"""A server of its own on this machine's loopback: started, killed in part, ended whichever way its owner ends."""

from __future__ import annotations

import os
import signal
import socket
import subprocess
import sys
import threading
import time
from collections.abc import Mapping, Sequence
from contextlib import suppress
from pathlib import Path

from cbt.errors import Unavailable
from cbt.ops.serve import serve
from cbt.rehearsal.http_client import HOST

READY_SECONDS = 60.0


class LoopbackServer:
    """One server in a process group of its own; it ends when our end of its standard input does."""

    def __init__(self, module: Sequence[str], environ: Mapping[str, str]) -> None:
        """`module` is what `python -m` runs: a module that calls `end_with_owner`, and its arguments."""
        self.port = free_port()
        self._module = module
        self._environ = {**environ, "CBT_HOST": HOST, "CBT_PORT": str(self.port)}
        self.start()

    def start(self) -> None:
        """Start the processes; `wait_ready` tells when they answer."""
        self.process = subprocess.Popen(
            [sys.executable, "-m", *self._module],
            env=self._environ,
            stdin=subprocess.PIPE,
            stdout=subprocess.DEVNULL,
            start_new_session=True,
        )

    def wait_ready(self) -> None:
        """Return once a request is answered; raise Unavailable("rehearsal.no_server") when none is in a minute."""
        until = time.monotonic() + READY_SECONDS
        while time.monotonic() < until and self.process.poll() is None:
            try:
                with socket.create_connection((HOST, self.port), 10) as line:
                    line.sendall(f"GET /ready HTTP/1.1\r\nHost: {HOST}\r\nConnection: close\r\n\r\n".encode())
                    if line.recv(100).startswith(b"HTTP/1.1"):
                        return
            except OSError:
                time.sleep(0.1)
        raise Unavailable("rehearsal.no_server")

    def kill_worker(self) -> int:
        """Kill -9 the worker that has worked most; return its process id."""
        # Of the main thread's: the process that owns the writing is a child of its keeper's.
        children = Path(f"/proc/{self.process.pid}/task/{self.process.pid}/children").read_text().split()
        victim = max(map(int, children), key=_ticks)
        os.kill(victim, signal.SIGKILL)
        return victim

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


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind((HOST, 0))
        return int(probe.getsockname()[1])


def end_with_owner() -> None:
    """Have this process be told to end once the other end of its standard input is closed."""

    def watch() -> None:
        os.read(0, 1)  # not by sys.stdin: its lock would be held while the workers fork
        os.kill(os.getpid(), signal.SIGTERM)

    threading.Thread(target=watch, daemon=True).start()


if __name__ == "__main__":
    end_with_owner()
    serve.main([])
