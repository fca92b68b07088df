"""Children that open foreign files, begun with what they load loaded (Linux).

A child of `cbt.confined` spends nearly all its time on its interpreter and its imports. For each module of the
product that holds tasks there is one process that has done just these; a child is forked of it and takes on its
limits as always. What is not the product's begins as in production, and so does what sets pages: the typesetter has
threads from the moment it is loaded, which no fork takes along.
"""

from __future__ import annotations

import atexit
import os
import signal
import socket
import subprocess
import sys
import threading
from functools import cache
from typing import IO

import msgspec

from cbt.confined import runner
from cbt.confined.child import ChildTask
from tests.forked import CAN_FORK

_SERVE = "import sys; sys.path.insert(0, sys.argv[1]); from tests.warm_child import serve; serve()"
_begin = runner._begin
_one_at_a_time = threading.Lock()


class WarmChild:
    """A child forked of the process that has loaded the module of its task; as a Popen, for what is asked of it."""

    def __init__(self, job: ChildTask) -> None:
        read, told = os.pipe()
        heard, answer = os.pipe()
        state, states = os.pipe()
        self.stdin: IO[bytes] = os.fdopen(told, "wb")
        self.stdout: IO[bytes] = os.fdopen(heard, "rb")
        self._state = os.fdopen(state, "rb")
        self.returncode: int | None = None
        try:
            with _one_at_a_time:
                server = _server(job.task.partition(":")[0])
            socket.send_fds(server, [msgspec.json.encode(job)], [read, answer, states])
        finally:
            for one in (read, answer, states):
                os.close(one)
        self.pid = int(self._state.readline())

    def wait(self) -> int:
        """Return how it ended."""
        if self.returncode is None:
            with self._state:
                self.returncode = int(self._state.readline())
        return self.returncode

    def kill(self) -> None:
        """End it, unless it was seen to have ended."""
        if self.returncode is None:
            os.kill(self.pid, signal.SIGKILL)


@cache
def _server(module: str) -> socket.socket:
    ours, theirs = socket.socketpair(socket.AF_UNIX, socket.SOCK_SEQPACKET)
    with theirs:
        process = subprocess.Popen(
            [sys.executable, "-E", "-P", "-X", "utf8", "-c", _SERVE, runner._PRODUCT, module],
            stdin=theirs,
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
            env={name: os.environ[name] for name in runner._KEPT if name in os.environ},
        )

    def end() -> None:
        ours.close()
        process.wait()

    atexit.register(end)
    return ours


def _begin_warm(job: ChildTask) -> subprocess.Popen[bytes] | WarmChild:
    warm = job.task.startswith("cbt.") and not job.task.startswith("cbt.printing.")
    return WarmChild(job) if warm else _begin(job)


def begin_warm() -> None:
    """Have the children of this process begin warm, where it can."""
    if CAN_FORK:
        runner._begin = _begin_warm  # type: ignore[assignment]  # for the tests alone
